/* subject.c - what the tests of the C library call. The first argument says what; the second names the credential. */
#define _POSIX_C_SOURCE 200112L

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "renewd.h"

#define THREADS 8
#define CALLS 200

static renewd_session *session;
static renewd_request request;

static void must(int good, const char *what)
{
    if (!good) {
        const char *why = renewd_error_message();
        fprintf(stderr, "subject: %s: %d %s\n", what, renewd_error_code(), why == NULL ? "" : why);
        exit(70);
    }
}

/* One failure, as JSON: what a program can know of it. */
static int told(int code)
{
    const char *login = renewd_error_login_command();

    must(code == renewd_error_code() && renewd_error_message() != NULL, "a failure says why");
    printf("{\"code\":%d,\"kind\":\"%s\",\"retry_after_s\":%ld,\"login\":\"%s\",\"cause\":\"%s\"}\n", code,
           renewd_error_kind(), (long)renewd_error_retry_after_s(), login == NULL ? "" : login,
           renewd_error_cause() == NULL ? "" : renewd_error_cause());
    return code;
}

/* Prints the token, then what is known of it. */
static int get(void)
{
    renewd_token *token = NULL;
    int code = renewd_token_get(session, &request, &token);
    char line[8192];

    if (code != RENEWD_OK)
        return told(code);
    must(renewd_error_code() == RENEWD_OK && renewd_error_message() == NULL, "a success leaves no failure");
    must(snprintf(line, sizeof line, "%s %s", "Bearer", renewd_token_text(token)) > 0, "room");
    must(strcmp(line, renewd_token_authorization(token)) == 0, "the header is the token's");
    printf("%s\n{\"epoch\":%lu,\"generation\":%lu,\"expires_at_ms\":%lld,\"type\":\"%s\",\"short\":%d}\n",
           renewd_token_text(token), (unsigned long)renewd_token_epoch(token),
           (unsigned long)renewd_token_generation(token), (long long)renewd_token_expires_at_ms(token),
           renewd_token_type(token), renewd_token_is_short(token));
    renewd_token_free(token);
    return 0;
}

/* The same token, in a buffer of the caller's. */
static int copy(void)
{
    char buffer[4096];
    size_t needed = 0;

    memset(buffer, 'x', sizeof buffer);
    must(renewd_token_copy(session, &request, buffer, 1, &needed) == RENEWD_USAGE, "one byte is too small");
    must(needed > 1 && buffer[0] == 'x', "nothing is written into a small buffer");
    must(renewd_token_copy(session, &request, buffer, needed, NULL) == RENEWD_OK, "the size that was said is enough");
    must(strlen(buffer) + 1 == needed && buffer[needed] == 'x', "and no byte more is written");
    printf("%s\n", buffer);
    return 0;
}

static void *call(void *unused)
{
    int i;

    for (i = 0; i < CALLS; i++) {
        renewd_token *token = NULL, *newer = NULL;
        must(renewd_token_get(session, &request, &token) == RENEWD_OK, "a token in a thread");
        /* An older generation than the one at hand costs no refresh: the newer one is given. */
        must(renewd_rejected(session, &request, renewd_token_epoch(token), renewd_token_generation(token) - 1, &newer)
                 == RENEWD_OK,
             "a rejection in a thread");
        must(newer != NULL && strcmp(renewd_token_text(newer), renewd_token_text(token)) == 0, "the one at hand");
        renewd_token_free(token);
        renewd_token_free(newer);
    }
    return unused;
}

static int threads(void)
{
    pthread_t all[THREADS];
    int i;

    for (i = 0; i < THREADS; i++)
        must(pthread_create(&all[i], NULL, call, NULL) == 0, "a thread");
    for (i = 0; i < THREADS; i++)
        must(pthread_join(all[i], NULL) == 0, "its end");
    return get();
}

/* The child gets a token by a session opened anew, refreshes, and ends; the parent goes on and has what the child got. */
static int forks(void)
{
    int status = 0;
    pid_t child;

    must(get() == 0, "a token before");
    fflush(stdout);
    child = fork();
    must(child >= 0, "a fork");
    if (child == 0) {
        must(get() == 0, "a token in the child");
        must(renewd_refresh(session, &request) == RENEWD_OK, "a refresh in the child");
        must(get() == 0, "its newer token");
        must(renewd_close(session) == RENEWD_OK, "the child's end");
        fflush(stdout);
        _exit(0);
    }
    must(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child's success");
    must(renewd_refresh(session, &request) == RENEWD_OK, "a refresh in the parent");
    return get();
}

static int status(const char *name)
{
    char *json = NULL;
    int code = renewd_status(session, name, &json);

    if (code != RENEWD_OK)
        return told(code);
    printf("%s\n", json);
    renewd_string_free(json);
    return 0;
}

int main(int argc, char **argv)
{
    renewd_options options = RENEWD_OPTIONS_INIT;
    renewd_request plain = RENEWD_REQUEST_INIT(NULL);
    int code;

    must(argc >= 3, "what, and a credential");
    options.state_dir = getenv("SUBJECT_STATE_DIR");
    request = plain;
    request.credential = argv[2];
    request.timeout_ms = 30000;
    if (renewd_open(&options, &session) != RENEWD_OK)
        return told(renewd_error_code());
    if (strcmp(argv[1], "get") == 0)
        code = get();
    else if (strcmp(argv[1], "copy") == 0)
        code = copy();
    else if (strcmp(argv[1], "threads") == 0)
        code = threads();
    else if (strcmp(argv[1], "fork") == 0)
        code = forks();
    else if (strcmp(argv[1], "keep") == 0)
        code = renewd_keep(session, argv[2]) == RENEWD_OK ? get() : told(renewd_error_code());
    else
        code = status(strcmp(argv[2], "-") == 0 ? NULL : argv[2]);
    must(renewd_close(session) == RENEWD_OK, "the end");
    return code;
}
