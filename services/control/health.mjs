/** Health check of a container: exit code 0 when the service in it is ready. */
try {
  const response = await fetch(`http://127.0.0.1:${process.env.RESHARD_PORT ?? 8080}/health/ready`);
  process.exitCode = response.ok ? 0 : 1;
} catch {
  process.exitCode = 1;
}
