/**
 * The typed port around mysql2, and its only importer. What we rely on beyond its public types is
 * spelled out in `WireConnection`: commands of our own queue beside mysql2's, so login, TLS,
 * compression, packet framing and the order of commands stay mysql2's work.
 * Options are the lossless ones: every number that may pass 2^53, every decimal, date and JSON
 * document arrives as text.
 */
import { type ConnectionOptions, createConnection, type QueryError } from 'mysql2';

/** A payload handed out by mysql2's framer; the object is reused, so nothing may keep it. */
export interface WirePacket {
  readonly buffer: Buffer;
  /** First byte of the packet's 4-byte header. */
  readonly start: number;
  readonly end: number;
}

/** What mysql2 asks of a command. `packet` is undefined on the first call, when it must send. */
export interface WireCommand {
  /** Called once if the connection fails while the command runs or waits. */
  onResult(error: Error): void;
  /** Returns true when the command is complete. */
  execute(packet: WirePacket | undefined, connection: WireConnection): boolean;
}

export interface WireStream {
  cork(): void;
  uncork(): void;
  destroy(): void;
}

export type QueryCallback = (error: QueryError | null, rows: unknown) => void;

export interface WireConnection {
  readonly stream: WireStream;
  readonly threadId: number | null;
  addCommand(command: WireCommand): void;
  write(bytes: Buffer): void;
  _resetSequenceId(): void;
  _bumpSequenceId(packets: number): void;
  query(sql: string, params: readonly unknown[], done: QueryCallback): unknown;
  format(sql: string, params: readonly unknown[]): string;
  connect(done: (error: QueryError | null) => void): void;
  end(done: () => void): void;
  destroy(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export interface TlsOptions {
  ca?: string | string[] | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  rejectUnauthorized?: boolean | undefined;
  /** Checks that the certificate names the host (mysql2's default is off, ours is on). */
  verifyIdentity?: boolean | undefined;
}

export interface MysqlEndpoint {
  host: string;
  port: number;
  user: string;
  password: string;
  database?: string | undefined;
  /** true = TLS with the system's certificate authorities. */
  tls?: boolean | TlsOptions | undefined;
}

/**
 * FOUND_ROWS off: affected rows are rows changed, which compare-and-set updates depend on.
 * CLIENT_QUERY_ATTRIBUTES off: COM_QUERY is then the command byte and the text, nothing else.
 * LOCAL_FILES off: no server may ask this client for a file.
 */
const FLAGS = ['-FOUND_ROWS', '-CLIENT_QUERY_ATTRIBUTES', '-LOCAL_FILES', '-IGNORE_SPACE', '-ODBC'];

/** How a server's own lists of sessions name ours. */
export const PROGRAM_NAME = 'reshard';

const KEEP_ALIVE_DELAY_MS = 10_000;

function sslOf(tls: MysqlEndpoint['tls']): Pick<ConnectionOptions, 'ssl'> {
  if (tls === undefined || tls === false) return {};
  const wanted = tls === true ? {} : tls;
  const given = Object.entries(wanted).filter(([, v]) => v !== undefined);
  return { ssl: { verifyIdentity: true, ...Object.fromEntries(given) } };
}

/** Starts a connection; `connect` of the result tells when login is done. */
export function startConnection(endpoint: MysqlEndpoint, connectTimeoutMs: number): WireConnection {
  const connection = createConnection({
    host: endpoint.host,
    port: endpoint.port,
    user: endpoint.user,
    password: endpoint.password,
    ...(endpoint.database === undefined ? {} : { database: endpoint.database }),
    ...sslOf(endpoint.tls),
    flags: FLAGS,
    charset: 'utf8mb4',
    timezone: 'Z',
    supportBigNumbers: true,
    bigNumberStrings: true,
    decimalNumbers: false,
    dateStrings: true,
    jsonStrings: true,
    stringifyObjects: true,
    multipleStatements: false,
    connectTimeout: connectTimeoutMs,
    enableKeepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    connectAttributes: { program_name: PROGRAM_NAME },
  } as ConnectionOptions);
  return connection as unknown as WireConnection;
}
