import { describe, expect, it } from 'vitest';
import { ChunkSize } from './chunk-size.ts';

describe('ChunkSize', () => {
  it('grows step by step to the size of a message', () => {
    const size = new ChunkSize(5000, 500_000, 1000);
    const seen = [size.rows];
    for (let i = 0; i < 5; i++) {
      size.observe(size.rows, size.rows * 250, 10);
      seen.push(size.rows);
    }
    expect(seen).toEqual([256, 1024, 2000, 2000, 2000, 2000]);
  });

  it('shrinks at once when rows are large, down to one row', () => {
    const size = new ChunkSize(5000, 500_000, 1000);
    size.observe(256, 256 * 2_000_000, 10);
    expect(size.rows).toBe(1);
    size.observe(1, 100, 10);
    expect(size.rows).toBe(4);
  });

  it('shrinks with time, but not so far that its fixed cost is all that is left', () => {
    const size = new ChunkSize(5000, 1e9, 1000);
    for (let i = 0; i < 4; i++) size.observe(size.rows, 1, 1);
    expect(size.rows).toBe(5000);
    size.observe(5000, 1, 2500);
    expect(size.rows).toBe(500);
    size.observe(500, 1, 60_000);
    expect(size.rows).toBe(256);
  });

  it('begins with few rows where each of them may be huge', () => {
    const LONGBLOB = 2 ** 33;
    const size = new ChunkSize(5000, 500_000, LONGBLOB);
    const seen = [size.rows];
    for (let i = 0; i < 3; i++) {
      size.observe(size.rows, size.rows * 250, 10);
      seen.push(size.rows);
    }
    expect(seen).toEqual([1, 4, 16, 64]);
    const MEDIUMBLOB = 2 ** 25;
    expect(new ChunkSize(5000, 500_000, MEDIUMBLOB).rows).toBe(8);
  });

  it('learns nothing from an empty chunk and never asks for more than allowed', () => {
    const size = new ChunkSize(100, 1e9, 1000);
    size.observe(0, 0, 1);
    size.observe(100, 1, 1);
    expect(size.rows).toBe(100);
  });
});
