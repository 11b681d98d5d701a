/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_channel.h
 * @brief A database session that hears the notifications of one channel (LISTEN, NOTIFY).
 *
 * A channel belongs to one thread. Its session is its own, besides those of the store, because
 * what is set for it must last. It does not work behind a pooler that shares sessions: then
 * fhir_channel_say succeeds and nothing is heard.
 */
#ifndef FHIR_CHANNEL_H
#define FHIR_CHANNEL_H

typedef struct fhir_channel_t fhir_channel_t;

/** Connects and listens. A cut connection is noticed within a second.
 *  @param name the channel, an SQL identifier
 *  @return NULL if there is no connection within two seconds for each host, or no memory */
fhir_channel_t *fhir_channel_open(const char *conninfo, const char *name);

/** Sends a word to all who listen, this session included. When it returns 1, all that was sent
 *  and committed before has arrived, and fhir_channel_next returns it.
 *  @return 0 if the connection is lost */
int fhir_channel_say(fhir_channel_t *channel, const char *word);

/** The next word that was heard, valid until the next call; NULL: no more. */
const char *fhir_channel_next(fhir_channel_t *channel);

/** The socket, which is readable when there is something to hear. */
int fhir_channel_socket(const fhir_channel_t *channel);

/** The process of the server that serves the session: unique in it. */
int fhir_channel_backend(const fhir_channel_t *channel);

/** NULL: does nothing. */
void fhir_channel_close(fhir_channel_t *channel);

#endif
