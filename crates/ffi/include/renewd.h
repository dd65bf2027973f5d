/* renewd.h - valid OAuth 2.0 access tokens for C and C++ programs.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A program asks for a token by the name of a credential that somebody logged in to with `renewd login`, whenever it
 * needs one. It answers as the command `renewd token` does: from the same configuration and the same records, from an
 * agent first where one serves the same state folder. Without an agent the credential is kept in this process, on
 * threads of the library's own, until the session is closed.
 *
 * Errors. Every function that can fail returns RENEWD_OK (0) or one of the codes below, which are the exit codes of the
 * command. What else is known of the failure is kept for the calling thread until its next call that returns such a code:
 * see renewd_error_message() and its neighbours. No error text holds a token. A bug in the library is RENEWD_INTERNAL; it
 * neither ends the process nor unwinds into the caller.
 *
 * Null pointers. Passing NULL where it is not said to be allowed is RENEWD_USAGE; functions that only read give 0, -1 or
 * NULL for it. All renewd_*_free functions and renewd_close() take NULL and do nothing.
 *
 * Ownership. What a function gives through a pointer to a pointer is the caller's, and goes back to the function that is
 * named there. On failure NULL is written there. Texts that are returned belong to the object that they are asked of, and
 * live as long as it does. All texts are UTF-8 and end with a zero byte. A text that is no UTF-8 is RENEWD_USAGE, but for
 * paths on Unix, which are what they are.
 *
 * Threads. Any number of threads may use one session at once. A token may be read by any number of threads, and is freed
 * once. renewd_close() must be the last call with its session.
 *
 * fork(). A child may use its parent's session: it is opened anew there at its first use, with threads of its own. Tokens
 * that were had before stay valid memory in both. The child calls renewd_close() for itself. As with every library that
 * has threads, the child must not be made by a signal handler, and fork() must not be called while another thread is
 * inside renewd_open() or renewd_close().
 *
 * Time. Durations are milliseconds, waits end at their timeout. No function installs a signal handler, writes to standard
 * output or standard error, asks a person, or opens a browser.
 */
#ifndef RENEWD_H
#define RENEWD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The binary interface that this header describes. It grows by functions, and by fields at the end of structures; what
 * stands is never changed without another number. */
#define RENEWD_ABI 1

/* Return codes: the exit codes of the command. */
#define RENEWD_OK 0
#define RENEWD_INTERNAL 1      /* a bug in renewd, or a machine that gives no thread or no entropy */
#define RENEWD_USAGE 2         /* the call itself is wrong */
#define RENEWD_LOGIN_NEEDED 3  /* nobody is logged in, or the grant is gone: renewd_error_login_command() */
#define RENEWD_UNAVAILABLE 4   /* no token now; the next attempt is known: renewd_error_retry_after_s() */
#define RENEWD_STORE 5         /* the store or its key cannot be used */
#define RENEWD_CONFIGURATION 6 /* the configuration is wrong */
#define RENEWD_TIMEOUT 124     /* the time is over, and an answer was still waited for */

/* A program's view of its user's credentials. */
typedef struct renewd_session renewd_session;

/* A valid token, and what is known of it. */
typedef struct renewd_token renewd_token;

/* Which configuration and which state. A NULL is as for the command: the environment, then the default. */
typedef struct renewd_options {
    size_t size;           /* sizeof(renewd_options): so that later fields can be told from absent ones */
    const char *config;    /* the configuration file, as --config; or NULL */
    const char *state_dir; /* where records live, as --state-dir; or NULL */
} renewd_options;

/* What is asked for. Set all of it to zero, then size and credential, then what else is wanted. */
typedef struct renewd_request {
    size_t size;              /* sizeof(renewd_request) */
    const char *credential;   /* the credential's name: github */
    uint64_t min_validity_ms; /* the token should live at least so long; 0: any valid one. Where none such can be had, a
                                 shorter-lived one is given: renewd_token_is_short() */
    uint64_t timeout_ms;      /* wait at most so long; 0: what the configuration says, or 60 s */
    const char *scope;        /* another scope than the login's, words with blanks between them; or NULL */
    const char *resource;     /* another resource than the login's (RFC 8707); or NULL */
    const char *audience;     /* another audience than the login's; or NULL */
} renewd_request;

#ifdef __cplusplus
#define RENEWD_OPTIONS_INIT {sizeof(renewd_options), nullptr, nullptr}
#define RENEWD_REQUEST_INIT(name) {sizeof(renewd_request), (name), 0, 0, nullptr, nullptr, nullptr}
#else
#define RENEWD_OPTIONS_INIT {sizeof(renewd_options), NULL, NULL}
#define RENEWD_REQUEST_INIT(name) {sizeof(renewd_request), (name), 0, 0, NULL, NULL, NULL}
#endif

/* The binary interface of the library that is linked: RENEWD_ABI of the header it was built with. Never fails. */
uint32_t renewd_abi(void);

/* The version of the library that is linked, "0.1.0". Never fails; the text lives for ever. */
const char *renewd_version(void);

/* Opens a session: reads the configuration and touches nothing else. `options` may be NULL.
 * To be closed by renewd_close(). Fails with RENEWD_CONFIGURATION, RENEWD_USAGE. */
int renewd_open(const renewd_options *options, renewd_session **session);

/* Finishes what is under way, saves it and ends the session, also where it fails. A request that is on its way is waited for
 * until it has its answer or its time is over (30 s where nothing else is configured), so that a new refresh token is not
 * lost. Fails with RENEWD_STORE where new tokens could not be saved. */
int renewd_close(renewd_session *session);

/* Begins to keep a credential ahead of its expiry, so that a token is at hand when it is asked for. Does not wait for one.
 * Not needed before renewd_token_get(), which does the same. */
int renewd_keep(renewd_session *session, const char *credential);

/* A valid token. To be freed by renewd_token_free(). From this process's memory it is a matter of microseconds, from an agent
 * of two questions on its socket; ask whenever one is needed, and keep none. */
int renewd_token_get(renewd_session *session, const renewd_request *request, renewd_token **token);

/* A resource server answered 401 to the token of this epoch and generation. Gives a newer token, with which the request is
 * to be repeated once; or succeeds with NULL where the token was made just now and another would be refused just so: then
 * the 401 is to be passed on. `request` must ask for what the refused token was asked for. */
int renewd_rejected(renewd_session *session, const renewd_request *request, uint64_t epoch, uint64_t generation,
                    renewd_token **token);

/* One refresh now, as the command `renewd refresh`. Programs do not need it: tokens are renewed by themselves. */
int renewd_refresh(renewd_session *session, const renewd_request *request);

/* The JSON object that `renewd status --json` prints, of one credential, or of all where `credential` is NULL. It holds no
 * token. To be freed by renewd_string_free(). */
int renewd_status(renewd_session *session, const char *credential, char **json);

/* Copies a token with a zero byte behind it into the caller's own buffer, and overwrites the library's copy. The size that
 * is needed, zero byte included, is written to `needed` unless that is NULL. A buffer that is too small is RENEWD_USAGE,
 * and nothing is written into it. */
int renewd_token_copy(renewd_session *session, const renewd_request *request, char *buffer, size_t size,
                      size_t *needed);

/* Overwrites the token and frees it. */
void renewd_token_free(renewd_token *token);

/* The token: visible ASCII without blanks. */
const char *renewd_token_text(const renewd_token *token);

/* The value of an Authorization header with it: "Bearer ...". */
const char *renewd_token_authorization(const renewd_token *token);

/* Its type as the server wrote it, and its scope; NULL where the server said none. */
const char *renewd_token_type(const renewd_token *token);
const char *renewd_token_scope(const renewd_token *token);

/* When it expires, in milliseconds since 1970-01-01 00:00 UTC; -1 where that is not known. */
int64_t renewd_token_expires_at_ms(const renewd_token *token);

/* Which login, and which of its tokens: what renewd_rejected() wants. */
uint64_t renewd_token_epoch(const renewd_token *token);
uint64_t renewd_token_generation(const renewd_token *token);

/* 1 where it lives shorter than min_validity_ms asked for, else 0. */
int renewd_token_is_short(const renewd_token *token);

/* Frees a text that this library gave through a char **. */
void renewd_string_free(char *text);

/* The last failure of the calling thread; NULL or -1 where there was none, or it does not say. Texts live until the thread's
 * next call that returns a code. */
int renewd_error_code(void);                    /* the code that was returned, RENEWD_OK after a success */
const char *renewd_error_kind(void);            /* more exactly: "auth_retrying", "unauthenticated", "no_grant", ... */
const char *renewd_error_message(void);         /* what is wrong and where, for people */
const char *renewd_error_advice(void);          /* what to do about it */
const char *renewd_error_cause(void);           /* the cause of the credential's status, in snake_case */
int64_t renewd_error_retry_after_s(void);       /* in how many seconds the next attempt is due, rounded up */
const char *renewd_error_next_attempt_at(void); /* when that is, RFC 3339 */
const char *renewd_error_login_command(void);   /* what a person types where a login is needed */

#ifdef __cplusplus
}
#endif

#endif
