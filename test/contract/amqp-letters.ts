/** Looks at queues of RabbitMQ past all our code. */
import { connect } from 'amqplib';

/** The dead letters of a queue, oldest first; they stay. */
export async function deadLettersOf(
  url: string,
  queue: string,
  reasonHeader: string,
): Promise<{ readonly reason: string; readonly id: string | undefined }[]> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  const letters: { reason: string; id: string | undefined }[] = [];
  for (;;) {
    const letter = await channel.get(`ctq.dead.${queue}`);
    if (letter === false) break;
    const headers = letter.properties.headers as Readonly<Record<string, string>>;
    letters.push({ reason: headers[reasonHeader] ?? '', id: headers['id'] });
  }
  // What was not acknowledged goes back.
  await connection.close();
  return letters;
}
