// An OpenID provider that is not ours, on a port of this machine. Its first line of output is the
// issuer; it ends when its standard input does. `node provider.mjs <redirect address> [pushed]`
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [redirectUri, pushed] = process.argv.slice(2);
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'watchword', client_secret: 's+e/c:r et', redirect_uris: [redirectUri] }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    features: {
      devInteractions: { enabled: true },
      pushedAuthorizationRequests: { enabled: pushed === 'pushed' },
    },
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: id === 'ada', name: id }),
    }),
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
