import { VERSION } from '../version.ts';

/** The output of `tokenward --help`. */
export const HELP = `tokenward ${VERSION} - an outbound proxy that puts the right token on each request

Usage: tokenward <command> [options]

  serve     run the proxy
  run       run a command whose requests to the routes' hosts go through a proxy of its own, and get the tokens:
            tokenward run [--caller NAME] [--tunnel HOST[:PORT]]… [--no-key] [--check] -- COMMAND …
  env       print the variables by which an application elsewhere uses a running forward proxy, and write the
            authorities that it must trust:
            tokenward env [--proxy HOST:PORT] [--caller NAME] [--format shell|docker|systemd] [-o BUNDLE]
  check     check a configuration and show what it would do
  sandbox   run simulations of three vendors' APIs, to try the proxy
  status    show the state of every account of a running tokenward
  renew     renew an account's token now:  tokenward renew <account> [--login] [--use-reserve]
  import    put a refresh token from standard input into the store:  tokenward import <account>
  connect   get the first tokens by a person's consent in a browser:  tokenward connect <account> [--device]
  rekey     seal every stored token with store.key; the earlier key must be in store.retiredKeys
  store     copy the stored tokens and counted logins from one store to another, with tokenward stopped:
            tokenward store copy --from OLD.yaml --to NEW.yaml [--dry-run] [--overwrite]
            or remove what no account of the configuration owns:  tokenward store prune [--dry-run]
  ca        show the certificate authority for the routes' hosts, make it, or replace it:
            tokenward ca [show] [--json], tokenward ca make [--days N], tokenward ca renew [--days N]
            or write out the certificate that applications must trust, never its key:
            tokenward ca export [-o FILE] [--pkcs12 FILE [--password PASSWORD]]
  flow      try an account's login, step by step, with every secret masked; nothing is stored:
            tokenward flow try <account> [--refresh] [--path PATH [--route ROUTE]] [--dry-run] [--json]
            or write the flow of an API from a curl command of its login and a sample answer, which come from
            files or standard input:  tokenward flow new [--curl FILE] [--answer FILE] [--name NAME]
  hash-key  print the digest of a caller's key (from standard input) for the configuration
  schema    print the JSON Schema of the configuration, for editors

Options:
  -c, --config FILE   the configuration (default: proxy.config.yaml, or $TOKENWARD_CONFIG)
      --operator URL  status, renew: the operator port (default: from the configuration, or $TOKENWARD_OPERATOR)
      --operator-key-file FILE
                      status, renew: the operator's key (or $TOKENWARD_OPERATOR_KEY)
      --json          status, flow try, ca show: as JSON
      --login         renew: log in, even if there is a refresh token to spend
      --use-reserve   renew: may spend the logins kept in reserve
      --device        connect: consent on another device, by a code
      --from FILE     store copy: the configuration whose store is read
      --to FILE       store copy: the configuration whose store is written
      --dry-run       store copy, store prune: only show what would be done; flow try: send nothing
      --overwrite     store copy: also replace tokens that are as new or newer
      --refresh       flow try: also a refresh, which spends the refresh token of the login
      --path PATH     flow try: also one GET, as clients send it, or below the account's route
      --route ROUTE   flow try: the route that --path is below
      --curl FILE     flow new: the curl command of a login; - is standard input
      --answer FILE   flow new: its answer, or all that curl -i printed; - is standard input
      --name NAME     flow new: the name of flow, account and route (default: from the host)
      --token PLACE   flow new: where the answer has the token, such as /data/accessToken or header:X-Token
      --attach PLACE  flow new: where requests carry it, such as header:Authorization, "header:X-Key={token}",
                      query:NAME, cookie:NAME, cookies
      --invalid RULE  flow new: what a dead token looks like, such as 401 or "200 /error/code=TOKEN_EXPIRED"
      --upstream URL  flow new: the API that requests go to (default: the host of the login)
      --days N        ca make, ca renew: how long it is valid (default 365)
      --renew         ca make: the same as ca renew
  -o, --output FILE   ca export: the PEM goes here (default: standard output, unless there is --pkcs12)
                      env: the bundle goes here (default tokenward-bundle.pem)
      --pkcs12 FILE   ca export: a trust store for Java goes here
      --password PASSWORD
                      ca export: the trust store's password, which is no secret (default changeit)
      --caller NAME   run, env: call as this configured caller (default: one that may use every route)
      --proxy HOST:PORT
                      env: where the application reaches the proxy (default: where it listens)
      --format NAME   env: shell (the default), docker or systemd
      --tunnel HOST   run: also let tunnels to this host through, unread; "*.example.com", "*", with a port if not 443
      --no-key        run: ask for no key, for Java; every program of this host can use the proxy then
      --check         run: only prove that the command's runtime uses the proxy and trusts its authority
      --host HOST     sandbox: listen here (default 127.0.0.1)
      --port PORT     sandbox: first of its ports (default 8180)
  -h, --help          show this
  -v, --version       show the version

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
`;
