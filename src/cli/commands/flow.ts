import { command, configOption, type Command } from '../command.ts';

/** `tokenward flow`. */
export function flow(): Command {
  return command('flow', 'try the login of an account, or write the flow of an API from a curl command')
    .addCommand(tryIt())
    .addCommand(create());
}

function tryIt(): Command {
  return command('try', "try an account's login step by step, with every secret masked; nothing is stored", [
    configOption(),
  ])
    .argument('<account>', 'the account')
    .needs({ account: 'flow try needs the name of an account' })
    .option('--refresh', 'also a refresh, which spends the refresh token of the login')
    .option('--path <path>', "also one GET, as clients send it, or below the account's route")
    .option('--route <route>', 'the route that --path is below')
    .option('--dry-run', 'send nothing')
    .option('--json', 'as JSON')
    .action(async (account: string, options: object) => (await import('../flow-try.ts')).flowTry(options, account));
}

function create(): Command {
  return command('new', 'write the flow of an API from a curl command of its login and a sample answer')
    .option('--curl <file>', 'the curl command of a login; - is standard input')
    .option('--answer <file>', 'its answer, or all that curl -i printed; - is standard input')
    .option('--name <name>', 'the name of flow, account and route (default: from the host)')
    .option('--token <place>', 'where the answer has the token, such as /data/accessToken or header:X-Token')
    .option(
      '--attach <place>',
      'where requests carry it, such as header:Authorization, "header:X-Key={token}", query:NAME, cookie:NAME, cookies',
    )
    .option('--invalid <rule>', 'what a dead token looks like, such as 401 or "200 /error/code=TOKEN_EXPIRED"')
    .option('--upstream <url>', 'the API that requests go to (default: the host of the login)')
    .action(async (options: object) => (await import('../flow-new.ts')).flowNew(options));
}
