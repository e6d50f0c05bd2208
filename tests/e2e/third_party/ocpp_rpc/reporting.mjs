// What happens, as one JSON object per line: {"event": ..., ...}.

export function report(event, fields = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

// What the library's strict mode objects to, in frames of either side. `about` stands in each line.
export function reportViolations(client, about = {}) {
  client.on('strictValidationFailure', ({ method, outbound, isCall, error }) => {
    // A request that was received, or an answer to a request of our own, was written by the other
    // side; the other two cases are mistakes of this program. Both fail the test.
    const what = { method, outbound, isCall, error: error.message, details: error.details };
    report('violation', { ...about, ...what });
  });
  client.on('badMessage', ({ buffer, error }) => {
    report('violation', { ...about, method: null, frame: String(buffer), error: error.message });
  });
}
