/** What Kafka nodes have in common, local ones and containers, and how to see that they serve. */
import { Kafka, logLevel } from 'kafkajs';
import { calmTimer } from '../../../shared/kafka/wire/calm-timer.ts';

calmTimer();

/** Settings that fit the number of nodes: every topic of Kafka's own survives the loss of one. */
export function clusterSettings(nodes: number): Record<string, string> {
  const copies = String(Math.min(3, nodes));
  const inSync = nodes >= 3 ? '2' : '1';
  return {
    'default.replication.factor': copies,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': inSync,
    'group.initial.rebalance.delay.ms': '0',
    'auto.create.topics.enable': 'false',
    'num.network.threads': '2',
    'num.io.threads': '4',
    'log.cleaner.dedupe.buffer.size': '16777216',
  };
}

/** Whether the cluster has at least that many brokers that take part. */
export async function servesAs(brokers: string[], count: number): Promise<boolean> {
  const kafka = new Kafka({
    clientId: 'reshard-servers',
    brokers,
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2000,
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    const cluster = await admin.describeCluster();
    return cluster.brokers.length >= count && cluster.controller !== null;
  } finally {
    await admin.disconnect();
  }
}
