/**
 * The HTTP face of a service: /health/live, /health/ready and /metrics. The port is taken at once,
 * so that a wrong one ends the start; what answers is loaded at the first request. It is a quarter
 * of all modules that a service has, and five services start at a time.
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import { describeError, ReshardError } from './error.ts';
import type { Registry } from './metric.ts';

export interface Readiness {
  ok: boolean;
  detail: Record<string, unknown>;
}

export interface HttpFace extends AsyncDisposable {
  readonly port: number;
}

interface HttpOptions {
  port: number;
  host?: string;
  registry: Registry;
  ready: () => Readiness;
}

/** Serves until disposed. Port 0 takes a free one. */
export async function serveHttp(o: HttpOptions): Promise<HttpFace> {
  let loading: ReturnType<typeof routes> | undefined;
  const server = createServer((request, response) => {
    loading ??= routes(server, o);
    loading.then(
      ({ answer }) => answer(request, response),
      e => response.writeHead(500).end(describeError(e)),
    );
  });
  await listen(server, o);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : o.port,
    [Symbol.asyncDispose]: async () => {
      // One that could not be loaded has said so to who asked.
      await loading?.then(
        ({ close }) => close(),
        () => {},
      );
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

function listen(server: Server, { port, host }: HttpOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', cause =>
      reject(
        new ReshardError('config', `cannot listen on port ${port}`, {
          cause,
          remedy: 'choose another port with --http-port, or 0 for a free one',
        }),
      ),
    );
    server.listen(port, host ?? '127.0.0.1');
  });
}

async function routes(
  server: Server,
  { registry, ready }: HttpOptions,
): Promise<{ answer: RequestListener; close: () => Promise<void> }> {
  const { fastify } = await import('fastify');
  const handed = Promise.withResolvers<RequestListener>();
  const app = fastify({
    logger: false,
    serverFactory: handler => {
      handed.resolve(handler);
      return server;
    },
  });
  app.get('/health/live', () => ({ ok: true }));
  app.get('/health/ready', (_request, reply) => {
    const state = ready();
    return reply.code(state.ok ? 200 : 503).send(state);
  });
  app.get('/metrics', async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
  await app.ready();
  return { answer: await handed.promise, close: () => app.close() };
}
