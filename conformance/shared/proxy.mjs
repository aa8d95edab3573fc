// Stands between a client and the server, and cuts the connections between them as a bad network does.
import { createServer, connect } from 'node:net'
import { once } from 'node:events'

export async function cuttable(url) {
  const { hostname, port } = new URL(url)
  const open = new Set()
  const listener = createServer((client) => {
    const server = connect(Number(port), hostname)
    for (const [from, to] of [[client, server], [server, client]]) {
      open.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        open.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return {
    url: `http://127.0.0.1:${listener.address().port}`,
    cut() {
      for (const socket of open) socket.destroy()
    },
  }
}
