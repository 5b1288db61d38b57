/** The HTTP face of a service: /health/live, /health/ready and /metrics. */
import { ReshardError } from './error.ts';
import type { Registry } from './metric.ts';

export interface Readiness {
  ok: boolean;
  detail: Record<string, unknown>;
}

export interface HttpFace extends AsyncDisposable {
  readonly port: number;
}

/** Serves until disposed. Port 0 takes a free one. */
export async function serveHttp(o: {
  port: number;
  host?: string;
  registry: Registry;
  ready: () => Readiness;
}): Promise<HttpFace> {
  // Loaded here: commands that serve nothing need not wait for it.
  const { fastify } = await import('fastify');
  const app = fastify({ logger: false });
  app.get('/health/live', () => ({ ok: true }));
  app.get('/health/ready', (_request, reply) => {
    const state = o.ready();
    return reply.code(state.ok ? 200 : 503).send(state);
  });
  app.get('/metrics', async (_request, reply) =>
    reply.type(o.registry.contentType).send(await o.registry.metrics()),
  );
  try {
    await app.listen({ port: o.port, host: o.host ?? '127.0.0.1' });
  } catch (cause) {
    throw new ReshardError('config', `cannot listen on port ${o.port}`, {
      cause,
      remedy: 'choose another port with --port, or 0 for a free one',
    });
  }
  const address = app.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : o.port,
    [Symbol.asyncDispose]: () => app.close(),
  };
}
