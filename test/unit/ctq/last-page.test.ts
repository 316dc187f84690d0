import { describe, expect, it } from 'vitest';
import { LastPage } from '../../../src/ctq/last-page.js';
import type { RemovedMessage } from '../../../src/estate/messages.js';
import { taskMessage } from '../../contract/messages.js';

function taken(id: string, queue = 'q', redelivered: 'redelivered' | 'new' = 'redelivered'): RemovedMessage {
  const message = taskMessage(id, redelivered === 'new' ? {} : { deliveryInfo: { exchange: '', routingKey: queue, redelivered: true } });
  return { queue, place: 'ready', priority: 0, position: 0, raw: new Uint8Array(), message, number: 0 };
}

const ids = (page: readonly RemovedMessage[]): unknown[] => page.map(({ message }) => message?.headers['id']);

describe('the last page of a migration that was killed', () => {
  const page = [taken('a'), taken('a'), taken('b')];
  const { note } = new LastPage('pair', undefined).fresh(page);

  it('has arrived, as often as it was there', () => {
    const again = new LastPage('pair', note.text);
    expect(ids(again.fresh([taken('a'), taken('c')]).messages)).toEqual(['c']);
    expect(ids(again.fresh([taken('a'), taken('a'), taken('b')]).messages)).toEqual(['a']);
  });

  it('is remembered until it has been seen, whoever is killed meanwhile', () => {
    const second = new LastPage('pair', note.text).fresh([taken('a')]);
    expect(ids(new LastPage('pair', second.note.text).fresh(page).messages)).toEqual([]);
  });

  it('is not what nobody has had in his hands, nor what lies in another queue', () => {
    const again = new LastPage('pair', note.text);
    expect(ids(again.fresh([taken('a', 'q', 'new'), taken('b', 'other')]).messages)).toEqual(['a', 'b']);
  });

  it('is forgotten with the end of its queue', () => {
    expect(new LastPage('pair', note.text).rest(['other']).text).toBe(note.text);
    expect(new LastPage('pair', note.text).rest(['other', 'q']).text).toBe('');
  });
});
