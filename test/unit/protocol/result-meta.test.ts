import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { decodeException, encodeException } from '../../../src/protocol/exception.js';
import { parseJson } from '../../../src/protocol/kombu-json.js';
import { decodeResultMeta, encodeResultMeta, type ResultMeta } from '../../../src/protocol/result-meta.js';
import { ALL_STATES, EXCEPTION_STATES } from '../../../src/protocol/states.js';
import { capturedResults, readCapture } from '../../support/captures.js';

const FILES = ['results-5.2', 'results-5.2-billiard3', 'results-5.6', 'results-extended-5.2', 'results-extended-5.6'];

const success: ResultMeta = {
  taskId: 'x',
  status: 'SUCCESS',
  result: 3,
  traceback: null,
  children: [],
  dateDone: '2026-11-21T08:19:33.544931+00:00',
};

describe('decodeResultMeta', () => {
  it.each(FILES)('reads every document of %s and writes it back the same, key by key', (file) => {
    const documents = readCapture(file).flatMap(capturedResults);
    expect(documents.length).toBeGreaterThan(10);
    for (const { taskId, text } of documents) {
      const meta = decodeResultMeta(text, taskId);
      expect(meta.taskId).toBe(taskId);
      const written = encodeResultMeta(meta);
      expect(parseJson(written)).toEqual(parseJson(text));
      expect(Object.keys(parseJson(written) as object)).toEqual(Object.keys(parseJson(text) as object));
    }
  });

  it.each(FILES)('understands every stored exception of %s', (file) => {
    for (const { taskId, text } of readCapture(file).flatMap(capturedResults)) {
      const meta = decodeResultMeta(text, taskId);
      if (!EXCEPTION_STATES.has(meta.status) || meta.result === null) continue;
      const error = decodeException(meta.result, meta.traceback);
      expect(error.type).toMatch(/^\w+(\.\w+)*$/);
      expect(encodeException(error)).toEqual(meta.result);
    }
  });

  it('meets the states it knows in the recordings, and one of a task of its own', () => {
    const statuses = new Set(
      readCapture('results-5.6')
        .flatMap(capturedResults)
        .map(({ taskId, text }) => decodeResultMeta(text, taskId).status),
    );
    expect([...statuses].filter((status) => !ALL_STATES.has(status))).toEqual(['PROGRESS']);
  });

  it('reads what is not quite a document of Celery', () => {
    expect(decodeResultMeta('{"status": "SUCCESS"}', 'x')).toEqual({
      taskId: 'x',
      status: 'SUCCESS',
      result: null,
      traceback: null,
      children: null,
      dateDone: null,
    });
    expect(
      decodeResultMeta('{"status": "SUCCESS", "task_id": 7, "traceback": {}, "date_done": 5, "group_id": null, "children": "x"}', 'x'),
    ).toMatchObject({
      taskId: 'x',
      traceback: null,
      dateDone: null,
      children: null,
    });
  });

  it('leaves out children that are no trees, and trees that never end', () => {
    const tree = [['a', null], [[['b', [['c', null], null]], null]]];
    const wrong = [1, [], ['a', null], [[1, null], null], [['a', 5], null], [['a', null], 5], [['a', null], [1]]];
    const meta = decodeResultMeta(JSON.stringify({ status: 'SUCCESS', children: [...wrong, tree] }), 'x');
    expect(meta.children).toEqual([tree]);
  });

  it.each(['', '[]', '7', 'null', '{"result": 1}', '{"status": 7}', '{"status": "SUCCESS"', '['.repeat(1000)])('refuses %j', (text) => {
    expect(() => decodeResultMeta(text, 'x')).toThrow(ProtocolError);
  });
});

describe('encodeResultMeta', () => {
  it('writes the plain case as Python does, character for character', () => {
    expect(encodeResultMeta(success)).toBe(
      '{"status": "SUCCESS", "result": 3, "traceback": null, "children": [], "date_done": "2026-11-21T08:19:33.544931+00:00", "task_id": "x"}',
    );
  });

  it('writes all it is given, in the order of Python, the id last', () => {
    const meta: ResultMeta = {
      ...success,
      taskId: 'id "quoted"\n',
      status: 'FAILURE',
      result: { exc_type: 'ValueError', exc_message: [2n ** 70n], exc_module: 'builtins' },
      traceback: 'Traceback:\n"x"',
      children: [[['a', null], null]],
      dateDone: null,
      groupId: 'g',
      parentId: 'p',
      extended: { name: 't', args: [Number.NaN], kwargs: {}, worker: 'w@h', retries: 1, queue: 'q' },
      stamps: { own: ['x'], status: 'forged' },
    };
    const text = encodeResultMeta(meta);
    expect(Object.keys(parseJson(text) as object)).toEqual([
      'status',
      'result',
      'traceback',
      'children',
      'date_done',
      'group_id',
      'parent_id',
      'name',
      'args',
      'kwargs',
      'worker',
      'retries',
      'queue',
      'stamped_headers',
      'own',
      'task_id',
    ]);
    expect(decodeResultMeta(text, 'other')).toEqual({ ...meta, stamps: { own: ['x'], status: 'FAILURE' } });
  });

  it('writes null children for a revoke command that has no request at hand', () => {
    expect(parseJson(encodeResultMeta({ ...success, children: null }))).toMatchObject({ children: null });
  });

  it('refuses a result that JSON cannot hold, in the words that are then stored as the failure', () => {
    expect(() => encodeResultMeta({ ...success, result: new Set() })).toThrow('Object of type Set is not JSON serializable');
    expect(encodeResultMeta({ ...success, result: undefined })).toContain('"result": null');
  });
});
