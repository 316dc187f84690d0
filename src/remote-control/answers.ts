/** The two wrappers that most of Celery's commands answer in; its tools and Flower look for the key `ok`. */
export interface Ok<Value = string> {
  readonly ok: Value;
}

export interface NotOk {
  readonly error: string;
}

export const ok = <Value>(value: Value): Ok<Value> => ({ ok: value });
export const nok = (error: string): NotOk => ({ error });
