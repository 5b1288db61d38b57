/** A network between our services and one server that a test can break, and how. */
export interface BreakableNetwork extends AsyncDisposable {
  /** Resets what is carried, lets nothing new through. */
  cut(): Promise<void>;
  /** Carries nothing more, and says so to nobody: as when a cable is pulled. */
  silence(): Promise<void>;
  /** In a silence: the server forgets its connections, which their other ends are never told. */
  forget(): Promise<void>;
  /** Up again. After a silence what is carried goes on, unless one end has given up meanwhile. */
  heal(): Promise<void>;
}
