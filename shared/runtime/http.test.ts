import { expect, test } from 'vitest';
import { ReshardError } from './error.ts';
import { serveHttp } from './http.ts';
import { createRegistry } from './metric.ts';

const registry = createRegistry({ job: 'j', service: 'sink' });

test('health and metrics answer from the first request on, and many that come together', async () => {
  let ok = false;
  await using face = await serveHttp({
    port: 0,
    registry,
    ready: () => ({ ok, detail: { a: 1 } }),
  });
  const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${face.port}${path}`);
  const [live, ready, metrics, none] = await Promise.all(
    ['/health/live', '/health/ready', '/metrics', '/none'].map(ask),
  );
  expect([live, ready, metrics, none].map(r => r?.status)).toEqual([200, 503, 200, 404]);
  expect(await ready?.json()).toEqual({ ok: false, detail: { a: 1 } });
  expect(await metrics?.text()).toContain('process_cpu_seconds_total');
  ok = true;
  expect((await ask('/health/ready')).status).toBe(200);
});

test('a port that is taken ends the start, with a remedy', async () => {
  const o = { registry, ready: () => ({ ok: true, detail: {} }) };
  await using face = await serveHttp({ ...o, port: 0 });
  const second = serveHttp({ ...o, port: face.port }).catch(e => e);
  const error = await second;
  expect(error).toBeInstanceOf(ReshardError);
  expect(error.kind).toBe('config');
  // The option of `reshard service`.
  expect(error.remedy).toContain('--http-port');
});

test('what is disposed answers no more, asked before or not', async () => {
  for (const isAsked of [true, false]) {
    const face = await serveHttp({ port: 0, registry, ready: () => ({ ok: true, detail: {} }) });
    const url = `http://127.0.0.1:${face.port}/health/live`;
    if (isAsked) expect((await fetch(url)).status).toBe(200);
    await face[Symbol.asyncDispose]();
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  }
});
