/** The requests of a group member, over one connection of its own to the group's coordinator. */
import type { Cluster } from './cluster.ts';
import { API, body } from './wire-format.ts';

export interface JoinAnswer {
  code: number;
  generation: number;
  leaderId: string;
  memberId: string;
  /** Filled in for the leader only. */
  members: { memberId: string; metadata: Buffer }[];
}

export interface JoinRequest {
  groupId: string;
  memberId: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  metadata: Uint8Array;
}

export interface Membership {
  groupId: string;
  generation: number;
  memberId: string;
}

export interface MemberPort {
  coordinator(groupId: string): Promise<number | undefined>;
  join(node: number, request: JoinRequest): Promise<JoinAnswer>;
  sync(
    node: number,
    m: Membership,
    assignments: readonly { memberId: string; assignment: Uint8Array }[],
  ): Promise<{ code: number; assignment: Buffer }>;
  heartbeat(node: number, m: Membership): Promise<number>;
  leave(node: number, m: Membership): Promise<number>;
  /** Drops the connection: the next request opens a new one. */
  reset(): void;
}

const PROTOCOL_TYPE = 'reshard';
const PROTOCOL = 'reshard-slots-v1';

export class ClusterMemberPort implements MemberPort {
  readonly #cluster: Cluster;
  readonly #purpose: string;

  constructor(cluster: Cluster, purpose: string) {
    this.#cluster = cluster;
    this.#purpose = purpose;
  }

  coordinator(groupId: string): Promise<number | undefined> {
    return this.#cluster.coordinator('group', groupId);
  }

  async join(node: number, o: JoinRequest): Promise<JoinAnswer> {
    const request = body(w => {
      w.string(o.groupId).i32(o.sessionTimeoutMs).i32(o.rebalanceTimeoutMs).string(o.memberId);
      w.string(null).string(PROTOCOL_TYPE);
      w.array([PROTOCOL], name => w.string(name).bytes(o.metadata));
    });
    const api = { ...API.joinGroup, timeoutMs: o.rebalanceTimeoutMs + o.sessionTimeoutMs + 5_000 };
    const r = await this.#cluster.ask(node, this.#purpose, api, request);
    r.i32();
    const code = r.i16();
    const generation = r.i32();
    r.nullableString();
    const leaderId = r.string();
    const memberId = r.string();
    const members = r.array(() => {
      const id = r.string();
      r.nullableString();
      return { memberId: id, metadata: r.bytes() };
    });
    return { code, generation, leaderId, memberId, members };
  }

  async sync(
    node: number,
    m: Membership,
    assignments: readonly { memberId: string; assignment: Uint8Array }[],
  ): Promise<{ code: number; assignment: Buffer }> {
    const request = body(w => {
      w.string(m.groupId).i32(m.generation).string(m.memberId).string(null);
      w.array(assignments, a => w.string(a.memberId).bytes(a.assignment));
    });
    const r = await this.#cluster.ask(node, this.#purpose, API.syncGroup, request);
    r.i32();
    return { code: r.i16(), assignment: r.bytes() };
  }

  async heartbeat(node: number, m: Membership): Promise<number> {
    const request = body(w => {
      w.string(m.groupId).i32(m.generation).string(m.memberId).string(null);
    });
    const r = await this.#cluster.ask(node, this.#purpose, API.heartbeat, request);
    r.i32();
    return r.i16();
  }

  async leave(node: number, m: Membership): Promise<number> {
    const request = body(w => {
      w.string(m.groupId).string(m.memberId);
    });
    const r = await this.#cluster.ask(node, this.#purpose, API.leaveGroup, request);
    r.i32();
    return r.i16();
  }

  reset(): void {
    this.#cluster.release(this.#purpose);
  }
}
