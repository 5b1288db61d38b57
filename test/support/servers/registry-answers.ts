/** Whether a schema registry serves its Confluent API. */
export async function registryAnswers(url: string): Promise<boolean> {
  const response = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(5000) });
  return response.ok;
}
