/** What a broker speaks: asked once per connection, and refused here rather than in the middle. */
import { ReshardError } from '../../runtime/error.ts';
import type { Wire } from './wire.ts';
import { API, WireReader } from './wire-format.ts';

export type VersionRanges = Record<number, { minVersion: number; maxVersion: number }>;

export async function apiVersions(wire: Wire): Promise<VersionRanges> {
  const r = new WireReader(await wire.request(API.apiVersions, []));
  const code = r.i16();
  const ranges: VersionRanges = {};
  r.array(() => {
    ranges[r.i16()] = { minVersion: r.i16(), maxVersion: r.i16() };
  });
  const missing = Object.values(API).filter(({ key, version }) => {
    const range = ranges[key];
    return !range || version < range.minVersion || version > range.maxVersion;
  });
  if (code === 0 && missing.length === 0) return ranges;
  const names = missing.map(m => `${m.name} v${m.version}`).join(', ');
  throw new ReshardError(
    'server-setting',
    `the broker at ${wire.address} does not speak ${names}`,
    {
      remedy: 'use Kafka 3.1 or later, up to the newest version that this release was tested with',
    },
  );
}
