/** Whether a job is being made, who leads it, and whether it is being dropped. */
/** The control that leads: it has fenced the one before. */
export interface Term {
  member: string;
  sinceMs: number;
}

/** The job is being dropped: nothing of it may start again. */
export interface Drop {
  sinceMs: number;
  by: string;
}

/** What a job that is not prepared yet waits for; for views. */
export interface Preparing {
  sinceMs: number;
  waiting: string;
}
