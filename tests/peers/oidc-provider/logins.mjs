// What oidc-provider is to know so that people and programs can log in at it: clients of every kind, the grants beside the
// code, two APIs that have tokens of their own, and an API that tells those without a token where to get one (RFC 9728).
//
// The pages that people see are the provider's own. Secrets that passed its token endpoint are kept, so that a test can look
// for them where they must not be.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const CODE = 'authorization_code';
const REFRESH = 'refresh_token';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';

/** Audiences of tokens, each an API of its own (RFC 8707). */
const APIS = ['https://one.example/', 'https://two.example/'];
const API_SCOPE = 'read write';

/** A client that says who it is in a document on the web; the provider asks for it, and gets it from here. */
const DOCUMENT_ID = 'https://client.example/renewd.json';

const NATIVE = {
  token_endpoint_auth_method: 'none',
  application_type: 'native',
  grant_types: [CODE, REFRESH, DEVICE],
  redirect_uris: ['http://127.0.0.1/callback'],
  response_types: ['code'],
};
const MACHINE = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] };

/** Key pairs of clients that sign: the private half goes to the test that asks for it, in the forms that people have. */
const KEY_PAIRS = Object.fromEntries(Object.entries({
  ES256: ['ec', { namedCurve: 'P-256' }],
  RS256: ['rsa', { modulusLength: 2048 }],
  EdDSA: ['ed25519', {}],
}).map(([algorithm, [kind, options]]) => [algorithm, generateKeyPairSync(kind, options)]));

const publicKey = (algorithm) => ({
  ...KEY_PAIRS[algorithm].publicKey.export({ format: 'jwk' }), kid: `key-${algorithm}`, alg: algorithm, use: 'sig',
});
const privateKey = (algorithm) => ({
  pem: KEY_PAIRS[algorithm].privateKey.export({ format: 'pem', type: 'pkcs8' }),
  jwk: { ...KEY_PAIRS[algorithm].privateKey.export({ format: 'jwk' }), kid: `key-${algorithm}`, alg: algorithm },
});

/** Drawn at each start: a secret that stands in a file of ours could be found anywhere. */
const SECRETS = { machine: randomBytes(24).toString('base64url'), desk: randomBytes(24).toString('base64url') };

const signing = (algorithm) => ({
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: algorithm,
  jwks: { keys: [publicKey(algorithm)] },
});

export const clients = [
  { client_id: 'renewd', ...NATIVE },
  { client_id: 'bound', ...NATIVE, dpop_bound_access_tokens: true },
  { client_id: 'desk', ...NATIVE, token_endpoint_auth_method: 'client_secret_basic', client_secret: SECRETS.desk },
  { client_id: 'desk-signed', ...NATIVE, ...signing('ES256') },
  { client_id: 'machine', ...MACHINE, token_endpoint_auth_method: 'client_secret_post', client_secret: SECRETS.machine },
  ...Object.keys(KEY_PAIRS).map((algorithm) => ({ client_id: `machine-${algorithm}`, ...MACHINE, ...signing(algorithm) })),
  { client_id: 'exchange', ...MACHINE, grant_types: [EXCHANGE], ...signing('ES256') },
  { client_id: 'bearer', ...MACHINE, grant_types: [JWT_BEARER], token_endpoint_auth_method: 'none' },
];

export const features = {
  devInteractions: { enabled: true },
  clientCredentials: { enabled: true },
  clientIdMetadataDocument: { enabled: true, ack: 'draft-02' },
  deviceFlow: { enabled: true },
  dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
  introspection: { enabled: true, allowedPolicy: () => true },
  registration: { enabled: true },
  registrationManagement: { enabled: true },
  resourceIndicators: {
    enabled: true,
    // An API of a port that is drawn is known by its path.
    getResourceServerInfo: (ctx, indicator) => {
      if (!APIS.includes(indicator) && !indicator.endsWith('/mcp')) throw new ctx.oidc.provider.InvalidTarget();
      return { scope: API_SCOPE, audience: indicator, accessTokenFormat: 'opaque' };
    },
    // A refresh that names no API is one for the API of the login.
    useGrantedResource: () => true,
  },
};

/** Stands for the web of documents, and for nothing else that the provider may ask for. */
export async function fetchDocument(url) {
  if (String(url) !== DOCUMENT_ID) throw new Error(`nothing is fetched here: ${url}`);
  const document = { client_id: DOCUMENT_ID, client_name: 'renewd', ...NATIVE };
  return new Response(JSON.stringify(document), { headers: { 'content-type': 'application/json' } });
}

/** Registers the grants that the provider has no code for, with the little that a test needs of them. */
export async function addGrants(provider, folder, errors) {
  const { InvalidGrant } = errors;
  const issue = async (ctx, accountId, gty) => {
    const { client, params } = ctx.oidc;
    const grant = new provider.Grant({ accountId, clientId: client.clientId });
    grant.addOIDCScope('openid');
    const token = new provider.AccessToken({ accountId, client, grantId: await grant.save(), gty, scope: 'openid' });
    ctx.oidc.entity('AccessToken', token);
    ctx.body = {
      access_token: await token.save(),
      expires_in: token.expiration,
      token_type: 'Bearer',
      scope: 'openid',
      ...(params.subject_token && { issued_token_type: ACCESS_TOKEN_TYPE }),
    };
  };
  provider.registerGrantType(EXCHANGE, async (ctx) => {
    const subject = await provider.AccessToken.find(ctx.oidc.params.subject_token ?? '');
    if (ctx.oidc.params.subject_token_type !== ACCESS_TOKEN_TYPE || !subject?.isValid) {
      throw new InvalidGrant('the subject token is none of ours');
    }
    await issue(ctx, subject.accountId, EXCHANGE);
  }, ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'scope']);

  const home = join(folder, 'node_modules', 'jose');
  const { exports: { '.': entry } } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
  const { jwtVerify } = await import(pathToFileURL(join(home, entry.import ?? entry.default)));
  const seen = new Set();
  provider.registerGrantType(JWT_BEARER, async (ctx) => {
    const { assertion } = ctx.oidc.params;
    const options = { issuer: 'robot', audience: [provider.issuer, `${provider.issuer}/token`], requiredClaims: ['exp', 'sub', 'jti'] };
    const { payload } = await jwtVerify(assertion ?? '', KEY_PAIRS.RS256.publicKey, options)
      .catch((error) => { throw new InvalidGrant(error.message); });
    if (seen.has(payload.jti)) throw new InvalidGrant('an assertion is good for once');
    seen.add(payload.jti);
    await issue(ctx, payload.sub, JWT_BEARER);
  }, ['assertion', 'scope']);
}

/** What of a request is secret, by the name that a test looks for it by. */
const SECRET_PARAMETERS = ['code', 'code_verifier', 'device_code', 'refresh_token', 'client_assertion', 'client_secret', 'assertion', 'subject_token'];
const SECRET_ANSWERS = ['access_token', 'refresh_token', 'id_token', 'device_code', 'registration_access_token', 'client_secret'];

/** Every secret that went in or came out, and the kinds of grants that were asked for. */
export class Overheard {
  #secrets = new Map();

  requests = [];

  #keep(kind, value) {
    if (typeof value === 'string' && value !== '') this.#secrets.set(value, kind);
  }

  /** Listens to what passes; the parameters are known behind the provider's own reading. */
  listen = async (ctx, next) => {
    try {
      await next();
    } finally {
      const { params = {}, body: form = {}, client, route } = ctx.oidc ?? {};
      for (const name of SECRET_PARAMETERS) this.#keep(name, form?.[name] ?? (route === 'authorization' ? undefined : params?.[name]));
      const body = ctx.body !== null && typeof ctx.body === 'object' && !ctx.body.pipe ? ctx.body : {};
      for (const name of SECRET_ANSWERS) this.#keep(name, body[name]);
      this.requests.push({
        at: ctx.path,
        method: ctx.method,
        status: ctx.status,
        error: body.error,
        client: client?.clientId,
        grant_type: form?.grant_type,
        scope: form?.scope ?? params?.scope,
        resource: form?.resource ?? params?.resource,
        prompt: params?.prompt,
        dpop: ctx.get('dpop') !== '',
        nonce: nonceOf(ctx.get('dpop')),
        assertion: payloadOf(form?.client_assertion),
        verifier: form?.code_verifier !== undefined,
      });
    }
  };

  told = async () => ({
    secrets: [...this.#secrets].map(([value, kind]) => ({ kind, value })),
    requests: this.requests,
  });
}

const part = (jwt, at) => {
  try {
    return JSON.parse(Buffer.from(jwt.split('.')[at], 'base64url').toString());
  } catch {
    return undefined;
  }
};
const payloadOf = (jwt) => (jwt ? { header: part(jwt, 0), payload: part(jwt, 1) } : undefined);
const nonceOf = (proof) => (proof ? part(proof, 1)?.nonce !== undefined : undefined);

/** An API that wants tokens of its own, and tells a stranger where they are had. */
export async function protectedResource(provider) {
  const api = createServer();
  await new Promise((done) => { api.listen(0, '127.0.0.1', done); });
  const origin = `http://127.0.0.1:${api.address().port}`;
  const resource = `${origin}/mcp`;
  const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`;
  const answer = (response, status, value, fields = {}) => {
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close', ...fields });
    response.end(JSON.stringify(value));
  };
  api.on('request', async (request, response) => {
    if (request.url === '/.well-known/oauth-protected-resource/mcp') {
      return answer(response, 200, { resource, authorization_servers: [provider.issuer], scopes_supported: API_SCOPE.split(' ') });
    }
    if (request.url !== '/mcp') return answer(response, 404, {});
    const [, value] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
    const token = value && await provider.AccessToken.find(value);
    if (!token?.isValid || token.aud !== resource) {
      return answer(response, 401, {}, { 'www-authenticate': `Bearer resource_metadata="${metadata}", scope="${API_SCOPE}"` });
    }
    return answer(response, 200, { scope: token.scope, aud: token.aud });
  });
  return resource;
}

/** Everything about the clients that a test may ask for: it holds the private halves. */
export const told = () => ({
  secrets: SECRETS,
  keys: Object.fromEntries(Object.keys(KEY_PAIRS).map((algorithm) => [algorithm, privateKey(algorithm)])),
  document: DOCUMENT_ID,
  apis: APIS,
});
