/** A guard of the code: what is taken away, and the test that must notice. */

/**
 * The guards that keep data right, each with the edit that turns it off and the tests that must
 * then fail. `find` stands exactly once in the file: a guard that moves away fails the proof.
 */
export interface Guard {
  name: string;
  /** What goes wrong without it. */
  why: string;
  file: string;
  find: string;
  replace: string;
  /** Test files, and a part of the names of the tests in them. */
  tests: string[];
  named?: string;
}
