// Named checks, one after the other: a failed one is told and does not stop the others.
const SECONDS = 30
let passed = 0
let all = 0

export async function check(name, act) {
  all += 1
  const late = new AbortController()
  try {
    await Promise.race([act(), timeout(late.signal)])
    passed += 1
  } catch (error) {
    console.log(`not so: ${name}\n${error?.stack ?? JSON.stringify(error)}`)
  } finally {
    late.abort()
  }
}

/** Prints the summary, and ends: what a client left open does not keep the process alive. */
export function finish() {
  console.log(`${passed} of ${all} checks`)
  process.exit(passed === all ? 0 : 1)
}

function timeout(signal) {
  return new Promise((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`did not end within ${SECONDS} s`)), SECONDS * 1000)
    signal.addEventListener('abort', () => clearTimeout(timer))
  })
}
