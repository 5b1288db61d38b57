/** What control says to requests: a record of its own, never in the request. */

/** Control's answer to a recopy. */
export interface Recopied {
  id: string;
  plannedMs: number | null;
  error: string | null;
}

/** Control's answer to any other request. */
export interface Applied {
  id: string;
  doneMs: number | null;
  error: string | null;
}
