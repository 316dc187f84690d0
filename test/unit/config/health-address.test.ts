import { expect, it } from 'vitest';
import { healthAddressText, isLoopback, parseHealthAddress } from '../../../src/config/health-address.js';

it.each([
  ['8080', 'http://127.0.0.1:8080'],
  ['0.0.0.0:8080', 'http://0.0.0.0:8080'],
  ['[::1]:8080', 'http://[::1]:8080'],
  ['health.internal:9', 'http://health.internal:9'],
  ['run/%n.health', 'run/%n.health'],
  ['./8080', './8080'],
  ['/run/worker.json', '/run/worker.json'],
])('reads %s', (text, shown) => {
  const address = parseHealthAddress(text);
  expect(address === undefined ? undefined : healthAddressText(address)).toBe(shown);
});

it.each(['', '65536', '123456789', ':8080', 'http://localhost:80/live', 'a\0b'])('refuses %j', (text) => {
  expect(parseHealthAddress(text)).toBeUndefined();
});

it('knows which hosts only this machine reaches', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1', 'localhost'].every(isLoopback)).toBe(true);
  expect(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.org', 'localhost.example.org'].some(isLoopback)).toBe(false);
});
