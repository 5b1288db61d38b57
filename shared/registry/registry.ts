/**
 * The schema registry, Confluent's API. Subjects are always explicit (the client's default is
 * another naming), every call has a deadline (the client has none), and the compatibility level is
 * set by us: the client refuses a subject whose level is not the one it was given, and some
 * registries answer NONE for a subject that nobody has configured.
 * Invariant: a key subject never changes. A changed key schema would give the same row other key
 * bytes, hence another partition and a second history.
 */
import type { COMPATIBILITY } from '@kafkajs/confluent-schema-registry';
import { ReshardError } from '../runtime/error.ts';

export type RegistryOptions = {
  url: string;
  username?: string | undefined;
  password?: string | undefined;
  timeoutMs?: number;
};
export type Compatibility = 'BACKWARD' | 'FULL' | 'NONE';
export type SchemaObject = { [attribute: string]: unknown };
export type RegisteredVersion = { id: number; schema: string };

const TIMEOUT_MS = 10_000;

/**
 * What registers. Only control does, once: the others need not load it, which takes long; control
 * does while it waits for other things.
 */
export function loadLibrary(): Promise<typeof import('@kafkajs/confluent-schema-registry')> {
  return import('@kafkajs/confluent-schema-registry');
}

export class SchemaRegistry {
  readonly #login: { username: string; password: string } | undefined;
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #timeoutMs: number;

  constructor(o: RegistryOptions) {
    this.#url = o.url.replace(/\/+$/, '');
    this.#timeoutMs = o.timeoutMs ?? TIMEOUT_MS;
    this.#login =
      o.username === undefined ? undefined : { username: o.username, password: o.password ?? '' };
    const login = Buffer.from(`${o.username}:${o.password ?? ''}`).toString('base64');
    this.#headers = {
      accept: 'application/vnd.schemaregistry.v1+json, application/json',
      'content-type': 'application/vnd.schemaregistry.v1+json',
      ...(o.username === undefined ? {} : { authorization: `Basic ${login}` }),
    };
  }

  /** Registers (or finds) the schema under the subject, at that compatibility level. */
  async register(subject: string, schema: SchemaObject, level: Compatibility): Promise<number> {
    const exists = (await this.#latest(subject)) !== null;
    try {
      return await this.#register(subject, schema, level, exists);
    } catch (e) {
      // Another service may have made the subject in between: then it is there now.
      if (exists || (await this.#latest(subject)) === null) throw e;
      return this.#register(subject, schema, level, true);
    }
  }

  async #register(
    subject: string,
    schema: SchemaObject,
    level: Compatibility,
    exists: boolean,
  ): Promise<number> {
    if (exists) await this.#setLevel(subject, level);
    const expected = exists ? level : ((await this.#level(subject)) ?? level);
    const { id } = await this.#call(subject, 'register', async () => {
      const library = await loadLibrary();
      const { AVRO } = library.SchemaType;
      const known = Object.values(library.COMPATIBILITY);
      const timeout = this.#timeoutMs;
      const client = new library.SchemaRegistry({
        host: this.#url,
        clientId: 'reshard',
        ...(this.#login === undefined ? {} : { auth: this.#login }),
        middlewares: [
          () => ({ prepareRequest: async next => (await next()).enhance({ timeout }) }),
        ],
      });
      return client.register(
        { type: AVRO, schema: JSON.stringify(schema) },
        { subject, compatibility: asCompatibility(expected, known), updateConfig: false },
      );
    });
    if (!exists) await this.#setLevel(subject, level);
    return id;
  }

  /** Registers a schema that must be the only one its subject ever has. */
  async registerFrozen(subject: string, schema: SchemaObject): Promise<number> {
    const latest = await this.#latest(subject);
    if (latest === null) return this.register(subject, schema, 'FULL');
    if (canonicalJson(JSON.parse(latest.schema)) !== canonicalJson(schema)) {
      throw new ReshardError('registry', `subject ${subject} holds another key schema`, {
        remedy:
          'a table topic lives with one primary key: use another source name, or ' +
          '`reshard drop <its job file>` takes it away with the job that it is of',
        context: { subject, id: latest.id },
      });
    }
    return latest.id;
  }

  /** The newest version of a subject; null if nobody has registered one. Also a test of reach. */
  latest(subject: string): Promise<RegisteredVersion | null> {
    return this.#latest(subject);
  }

  /** Whether the registry would take the schema as the next version; null without the subject. */
  async isCompatible(subject: string, schema: SchemaObject): Promise<boolean | null> {
    if ((await this.#latest(subject)) === null) return null;
    const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions/latest`;
    const answer = await this.#json('POST', path, { schema: JSON.stringify(schema) });
    if (typeof answer === 'object' && answer !== null && 'is_compatible' in answer) {
      return answer.is_compatible === true;
    }
    throw new ReshardError('registry', `no answer about the compatibility of ${subject}`);
  }

  async latestId(subject: string): Promise<number> {
    const latest = await this.#latest(subject);
    if (latest === null) throw unknownSubject(subject);
    return latest.id;
  }

  async schemaById(id: number): Promise<string> {
    const body = await this.#json('GET', `/schemas/ids/${id}`);
    if (body === null) {
      throw new ReshardError('registry', `schema id ${id} is not in the registry`, {
        remedy: 'the registry lost its data or is another one: point the job at the right one',
        context: { id },
      });
    }
    return text(body, 'schema');
  }

  /** All versions of a subject, oldest first. */
  async versions(subject: string): Promise<RegisteredVersion[]> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`;
    const numbers = await this.#json('GET', path);
    if (!Array.isArray(numbers)) throw unknownSubject(subject);
    const versions: RegisteredVersion[] = [];
    for (const n of numbers) {
      const body = await this.#json('GET', `${path}/${n}`);
      if (body !== null) versions.push(version(body));
    }
    return versions;
  }

  /** Names of all subjects. */
  async subjects(): Promise<string[]> {
    const names = await this.#json('GET', '/subjects');
    return Array.isArray(names) ? names.filter(n => typeof n === 'string') : [];
  }

  /** For good: a subject that is only marked as deleted would keep its versions. */
  async deleteSubject(subject: string): Promise<void> {
    const path = `/subjects/${encodeURIComponent(subject)}`;
    await this.#json('DELETE', path);
    await this.#json('DELETE', `${path}?permanent=true`);
  }

  async #latest(subject: string): Promise<RegisteredVersion | null> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions/latest`;
    const body = await this.#json('GET', path);
    return body === null ? null : version(body);
  }

  async #level(subject: string): Promise<string | null> {
    const body = await this.#json('GET', `/config/${encodeURIComponent(subject)}`);
    return body === null ? null : text(body, 'compatibilityLevel').toUpperCase();
  }

  /** Some registries have no level to replace until one is set, and refuse to set it twice. */
  async #setLevel(subject: string, level: Compatibility): Promise<void> {
    if ((await this.#level(subject)) === level) return;
    const path = `/config/${encodeURIComponent(subject)}`;
    try {
      await this.#json('PUT', path, { compatibility: level });
    } catch (e) {
      if ((await this.#level(subject)) !== level) throw e;
    }
  }

  /** The body of the answer; null for 404. */
  async #json(
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<unknown> {
    return this.#call(path, method, async () => {
      const response = await fetch(this.#url + path, {
        method,
        headers: this.#headers,
        signal: AbortSignal.timeout(this.#timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (response.status === 404 && (method === 'GET' || method === 'DELETE')) {
        await response.arrayBuffer();
        return null;
      }
      if (!response.ok) throw new HttpError(response.status, await response.text());
      return response.json();
    });
  }

  async #call<T>(what: string, action: string, attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt();
    } catch (e) {
      const kind = isLogin(e) ? 'denied' : 'registry';
      throw new ReshardError(kind, `schema registry: ${action} of ${what} failed`, {
        cause: e,
        remedy: remedyFor(e, this.#url),
        context: { what },
      });
    }
  }
}

class HttpError extends Error {
  readonly status: number;

  constructor(status: number, body: string) {
    super(`HTTP ${status}: ${body.slice(0, 500)}`);
    this.status = status;
  }
}

function statusOf(e: unknown): unknown {
  return e instanceof Error && 'status' in e ? e.status : undefined;
}

function isLogin(e: unknown): boolean {
  return statusOf(e) === 401 || statusOf(e) === 403;
}

function remedyFor(e: unknown, url: string): string {
  const status = statusOf(e);
  if (isLogin(e)) return 'check registry.username and registry.password';
  if (status === 409 || status === 422) {
    return (
      'the schema is not compatible with the one registered: undo the change of the table, ' +
      'or copy it anew under another topic'
    );
  }
  return `check that the registry answers at ${url} (for Apicurio the path is /apis/ccompat/v7)`;
}

function unknownSubject(subject: string): ReshardError {
  return new ReshardError('registry', `subject ${subject} is not registered`, {
    remedy: 'start control first: it registers the schemas of the job',
    context: { subject },
  });
}

/**
 * The level at which a schema can follow whatever the subject has. NONE is for records that nobody
 * reads by an older schema than their own.
 */
export async function levelOf(
  registry: Pick<SchemaRegistry, 'isCompatible'>,
  subject: string,
  schema: SchemaObject,
): Promise<'BACKWARD' | 'NONE'> {
  const isCompatible = (await registry.isCompatible(subject, schema)) ?? true;
  return isCompatible ? 'BACKWARD' : 'NONE';
}

function asCompatibility(level: string, all: readonly COMPATIBILITY[]): COMPATIBILITY {
  const known = all.find(c => c === level);
  if (known === undefined) throw new ReshardError('registry', `unknown level ${level}`);
  return known;
}

function version(body: unknown): RegisteredVersion {
  const id = typeof body === 'object' && body !== null && 'id' in body ? body.id : undefined;
  if (typeof id !== 'number') throw new ReshardError('registry', 'an answer without a schema id');
  return { id, schema: text(body, 'schema') };
}

function text(body: unknown, name: string): string {
  const value =
    typeof body === 'object' && body !== null
      ? Object.entries(body).find(([key]) => key === name)?.[1]
      : undefined;
  if (typeof value === 'string') return value;
  throw new ReshardError('registry', `an answer without ${name}`);
}

/** JSON with sorted keys: registries may store a schema with its attributes in another order. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(',')}}`;
}
