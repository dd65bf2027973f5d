/* fetch.c - one GET with a token that is valid, whatever happened meanwhile.
 *
 *   cc -std=c99 fetch.c $(pkg-config --cflags --libs --static renewd) -o fetch
 *   ./fetch github 127.0.0.1 8080 /user
 *
 * HTTP is as small as it can be here, plain and without TLS: a real program has a client of its own. What matters is
 * fetch(): a token for each request, and one repetition with a newer one after a 401.
 */
#define _POSIX_C_SOURCE 200112L

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "renewd.h"

/* Says why there is no token, and gives the exit code that `renewd token` would give. */
static int complain(int code)
{
    fprintf(stderr, "fetch: %s\n", renewd_error_message());
    if (renewd_error_retry_after_s() >= 0)
        fprintf(stderr, "  next attempt in %ld s\n", (long)renewd_error_retry_after_s());
    if (renewd_error_login_command() != NULL)
        fprintf(stderr, "  %s\n", renewd_error_login_command());
    return code;
}

static int connected(const char *host, const char *port)
{
    struct addrinfo hints, *found, *one;
    int fd = -1;

    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return -1;
    for (one = found; one != NULL && fd < 0; one = one->ai_next) {
        fd = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
        if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

static int written(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t n = write(fd, text, left);
        if (n <= 0)
            return 0;
        text += n;
        left -= (size_t)n;
    }
    return 1;
}

/* Sends the request with that token. Gives the status, or -1 without an answer. */
static int get(const char *host, const char *port, const char *path, const renewd_token *token)
{
    char answer[4096];
    size_t got = 0;
    ssize_t n;
    int fd = connected(host, port);
    int status = -1;

    if (fd < 0)
        return -1;
    if (written(fd, "GET ") && written(fd, path) && written(fd, " HTTP/1.1\r\nHost: ") && written(fd, host)
        && written(fd, "\r\nConnection: close\r\nAuthorization: ")
        && written(fd, renewd_token_authorization(token)) && written(fd, "\r\n\r\n")) {
        while (got < sizeof answer - 1 && (n = read(fd, answer + got, sizeof answer - 1 - got)) > 0)
            got += (size_t)n;
        answer[got] = '\0';
        if (sscanf(answer, "HTTP/1.%*d %d", &status) != 1)
            status = -1;
    }
    close(fd);
    return status;
}

static int fetch(renewd_session *session, char **argv)
{
    renewd_request request = RENEWD_REQUEST_INIT(argv[1]);
    renewd_token *token = NULL, *newer = NULL;
    int code, status;

    code = renewd_token_get(session, &request, &token);
    if (code != RENEWD_OK)
        return complain(code);
    status = get(argv[2], argv[3], argv[4], token);
    if (status == 401) {
        code = renewd_rejected(session, &request, renewd_token_epoch(token), renewd_token_generation(token), &newer);
        if (code != RENEWD_OK) {
            renewd_token_free(token);
            return complain(code);
        }
        if (newer != NULL)
            status = get(argv[2], argv[3], argv[4], newer);
    }
    printf("%d%s\n", status, newer != NULL ? " after a newer token" : "");
    renewd_token_free(newer);
    renewd_token_free(token);
    return status == 200 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    renewd_session *session = NULL;
    int code, end;

    if (argc != 5) {
        fprintf(stderr, "usage: fetch CREDENTIAL HOST PORT PATH\n");
        return RENEWD_USAGE;
    }
    if (renewd_abi() != RENEWD_ABI) {
        fprintf(stderr, "fetch: the library is another than the header\n");
        return RENEWD_INTERNAL;
    }
    code = renewd_open(NULL, &session);
    if (code != RENEWD_OK)
        return complain(code);
    code = fetch(session, argv);
    end = renewd_close(session);
    return end != RENEWD_OK ? complain(end) : code;
}
