/** Who calls: user@host, as it is noted with what he asks for. */
import os from 'node:os';

/** In a container the user may have no name. */
export function operator(): string {
  let user: string;
  try {
    user = os.userInfo().username;
  } catch {
    user = process.env.USER ?? 'unknown';
  }
  return `${user}@${os.hostname()}`;
}
