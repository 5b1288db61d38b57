/** Artifacts from Maven, into the cache. Maven's own repository stays in the cache as well. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { cacheRoot } from './cache.ts';
import { run, which } from './command.ts';
import { JAVA_MIN, MAVEN_PLUGIN } from './versions.ts';

const QUIET = ['-B', '-q', '-ntp'];

/** Copies one artifact (group:name:version[:type[:classifier]]) to the folder. */
export async function copyArtifact(artifact: string, folder: string): Promise<void> {
  await maven([MAVEN_PLUGIN.copy, `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`]);
}

/** Copies artifacts (group:name:version) with all they need at run time. */
export async function copyWithDependencies(artifacts: string[], folder: string): Promise<void> {
  const dependencies = artifacts.map(artifact => {
    const [group, name, version] = artifact.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId>
      <version>${version}</version></dependency>`;
  });
  const project = path.join(cacheRoot(), 'maven-project');
  await mkdir(project, { recursive: true });
  const pom = path.join(project, `${path.basename(folder)}.xml`);
  await writeFile(
    pom,
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
    <groupId>reshard</groupId><artifactId>servers</artifactId><version>1</version>
    <dependencies>${dependencies.join('')}</dependencies></project>`,
  );
  await maven([
    '-f',
    pom,
    MAVEN_PLUGIN.copyDependencies,
    '-DincludeScope=runtime',
    `-DoutputDirectory=${folder}`,
  ]);
}

async function maven(args: string[]): Promise<void> {
  const command = which('mvn');
  if (command === undefined) {
    throw new ReshardError('config', 'Maven (mvn) is not on PATH', {
      remedy: 'install Maven and Java 17, or start a Docker engine and use containers',
    });
  }
  await run(command, [...QUIET, `-Dmaven.repo.local=${path.join(cacheRoot(), 'maven')}`, ...args]);
}

/**
 * Options of a JVM that has to start soon and lives for minutes: half of a broker's CPU went into
 * the second compiler, for code that ran a few times more.
 */
export const SHORT_LIVED = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

/**
 * Of one that many jobs use, one after the other: the second compiler takes a quarter of a minute
 * of CPU at first, and each request costs less from then on.
 */
export const LONG_LIVED = ['-XX:+UseSerialGC'];

/** The `java` command, once it is known to be new enough. */
export async function java(): Promise<string> {
  const home = process.env.JAVA_HOME;
  const command = (home && which(path.join(home, 'bin', 'java'))) || which('java');
  const remedy = `install Java ${JAVA_MIN}, or start a Docker engine and use containers`;
  if (!command) throw new ReshardError('config', 'java is not on PATH', { remedy });
  const version = await run(command, ['--version'], { remedy });
  const major = Number(/\b(\d+)(?:\.\d+)*/.exec(version)?.[1] ?? 0);
  if (major >= JAVA_MIN) return command;
  throw new ReshardError('config', `java is version ${major}, needed is ${JAVA_MIN}`, { remedy });
}
