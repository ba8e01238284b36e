#!/usr/bin/env node
/*
 * The command. It is written for very old versions of Node (no import, no arrow functions, no const), so that each of
 * them says in one line what is wrong, instead of failing on the syntax of the program.
 */
'use strict';

var oldest = [20, 19];
var found = process.versions.node.split('.').map(Number);

if (found[0] < oldest[0] || (found[0] === oldest[0] && found[1] < oldest[1])) {
  console.error(
    'tokenward: this is Node ' + process.versions.node + ', and tokenward needs Node ' + oldest.join('.') + ' or newer.'
  );
  process.exit(1);
}

// Old parsers do not know import(), even in a branch that is never taken.
require('./start.cjs');
