/** The parcel of an order, under its key. It can be called back until the carrier has it, and carriers lose some. */
import { machine, nothing, reject, unchecked } from 'lockstep';
import { fulfilment } from './fulfilment.ts';
import { order } from './order.ts';

type Status = 'none' | 'requested' | 'packed' | 'moving' | 'delivered' | 'lost' | 'called back';

/** After so long without being packed somebody should look. */
const packWithin = '2d';

export const shipment = machine({
  name: 'shipment',
  initial: (): { status: Status; isOverdue: boolean } => ({ status: 'none', isOverdue: false }),
  commands: {
    Request: nothing,
    Pack: nothing,
    HandOver: unchecked<{ carrier: string }>(),
    Deliver: nothing,
    Lose: nothing,
    CallBack: nothing,
    Remind: nothing,
  },
  events: {
    Requested: nothing,
    Packed: nothing,
    HandedOver: unchecked<{ carrier: string }>(),
    Delivered: nothing,
    Lost: nothing,
    CalledBack: nothing,
    Overdue: nothing,
  },
  decide: {
    Request: ({ status }, _nothing, { event, key, sendAfter }) => {
      if (status !== 'none') return reject('already-requested', { status });
      sendAfter(packWithin, shipment, key, 'Remind');
      return [event('Requested')];
    },
    Pack: ({ status }, _nothing, { event, key, send }) => {
      if (status !== 'requested') return reject('not-requested', { status });
      send(order, key, 'Prepared');
      return [event('Packed')];
    },
    HandOver: ({ status }, { carrier }, { event, key, send }) => {
      if (status !== 'packed') return reject('not-packed', { status });
      send(order, key, 'HandedOver');
      send(fulfilment, key, 'HandedOver');
      return [event('HandedOver', { carrier })];
    },
    Deliver: ({ status }, _nothing, { event, key, send }) => {
      if (status !== 'moving') return reject('not-moving', { status });
      send(order, key, 'Delivered');
      send(fulfilment, key, 'Delivered');
      return [event('Delivered')];
    },
    Lose: ({ status }, _nothing, { event, key, send }) => {
      if (status !== 'moving') return reject('not-moving', { status });
      send(fulfilment, key, 'Lost');
      return [event('Lost')];
    },
    CallBack: ({ status }, _nothing, { event, key, send }) => {
      if (status !== 'requested' && status !== 'packed') return []; // too late: it has left
      send(fulfilment, key, 'CalledBack');
      return [event('CalledBack')];
    },
    Remind: ({ status }, _nothing, { event }) => (status === 'requested' ? [event('Overdue')] : []),
  },
  evolve: {
    Requested: (state) => ({ ...state, status: 'requested' }),
    Packed: (state) => ({ ...state, status: 'packed' }),
    HandedOver: (state) => ({ ...state, status: 'moving' }),
    Delivered: (state) => ({ ...state, status: 'delivered' }),
    Lost: (state) => ({ ...state, status: 'lost' }),
    CalledBack: (state) => ({ ...state, status: 'called back' }),
    Overdue: (state) => ({ ...state, isOverdue: true }),
  },
});
