/** What a target has otherwise than a change of a source's columns wants it, and what would cure it. */
export interface LackingTarget {
  target: string;
  column: string;
  what: string;
  sql: string | null;
  /** It lacks a column: nothing of what it has is changed. */
  isAddition: boolean;
  /** A column of it is narrower than the one that was made wider at the source, nothing else. */
  isWidening?: boolean;
  /** It has a column that no plan has. */
  isExtra?: boolean;
}
