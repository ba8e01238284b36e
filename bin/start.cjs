'use strict';

import('../dist/main.js').catch(function (error) {
  console.error('tokenward: the program cannot be read: ' + error.message);
  process.exitCode = 1;
});
