export { framing } from './a-framing.ts';
export { target } from './b-target.ts';
export { headers } from './c-headers.ts';
export { replies } from './d-replies.ts';
export { inspection } from './e-inspection.ts';
export { tokenEndpoint } from './f-token-endpoint.ts';
export { mustPass } from './must-pass.ts';
