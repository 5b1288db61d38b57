/** I8: what checks keep for whoever goes on with them is bounded, whatever their keys are. */
import { expect, test } from 'vitest';
import { CheckpointRoom } from './checkpoint-room.ts';

function keys(count: number, bytes: number): string[][] {
  return Array.from({ length: count }, () => ['x'.repeat(bytes - 5)]);
}

test('tables share the room by the bytes of their keys, and give back what they need no more', () => {
  const room = new CheckpointRoom(2000);
  expect(room.takes('a', keys(6, 100))).toBe(true);
  expect(room.takes('b', keys(5, 100))).toBe(false);
  expect(room.takes('b', keys(4, 100))).toBe(true);
  expect(room.takes('a', keys(7, 100))).toBe(false);
  expect(room.takes('a', keys(2, 100))).toBe(true);
  expect(room.takes('b', keys(8, 100))).toBe(true);
  expect(room.takes('b', keys(9, 100))).toBe(false);
  expect(room.takes('c', [])).toBe(false);
  room.leaves('a');
  expect(room.takes('c', keys(2, 100))).toBe(true);
});
