// SPDX-License-Identifier: MIT
/* TLS by mbedTLS, 2.28 or 3: small enough for the static binary. Certificates are always verified. */
#include "user/push/http_own.h"
#include "user/push/http.h"
#include "user/push/http_url.h"
#include "user/util/alloc.h"
#include <arpa/inet.h>
#include <errno.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

#define SAN_IP (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7) /* RFC 5280, 4.2.1.6: [7] iPAddress */

struct tls {
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context random;
	mbedtls_ssl_config config;
	mbedtls_ssl_context ssl;
	mbedtls_x509_crt authorities;
	char *ca_path; /* whose content `authorities` is, as it was then; NULL none */
	struct stat ca_was;
	int fd;
	bool started;
	unsigned char address[16]; /* of a host that is named by its address */
	size_t address_len;        /* 0: it has a name */
};

/* Where distributions have the certificates that they trust. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",                /* Debian, Ubuntu, Alpine, Arch, Gentoo */
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* RHEL, Fedora, Amazon Linux */
	"/etc/pki/tls/certs/ca-bundle.crt",                  /* older of these */
	"/etc/ssl/ca-bundle.pem",                            /* SUSE */
	"/var/lib/ca-certificates/ca-bundle.pem",            /* SUSE */
	"/etc/ssl/cert.pem",                                 /* Alpine without ca-certificates */
	"/etc/ca-certificates/extracted/tls-ca-bundle.pem",  /* Arch */
};

struct tls *tls__new(void)
{
	static const char personal[] = "pybpfprof";
	struct tls *t = xcalloc(1, sizeof(*t));

	mbedtls_entropy_init(&t->entropy);
	mbedtls_ctr_drbg_init(&t->random);
	mbedtls_ssl_config_init(&t->config);
	mbedtls_x509_crt_init(&t->authorities);
	mbedtls_ctr_drbg_seed(&t->random, mbedtls_entropy_func, &t->entropy, (const unsigned char *)personal,
			      sizeof(personal) - 1);
#if MBEDTLS_VERSION_MAJOR >= 3
	psa_crypto_init();
#endif
	return t;
}

void tls__free(struct tls *t)
{
	if (!t)
		return;
	tls__stop(t);
	mbedtls_x509_crt_free(&t->authorities);
	mbedtls_ssl_config_free(&t->config);
	mbedtls_ctr_drbg_free(&t->random);
	mbedtls_entropy_free(&t->entropy);
	free(t->ca_path);
	free(t);
}

static void describe(int code, char *text, size_t size)
{
	mbedtls_strerror(code, text, size);
	text[strcspn(text, "\n")] = 0;
}

/* ---- whom we trust ---------------------------------------------------------------------------------------- */

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int load(struct tls *t, const char *path, const struct stat *now, char *error)
{
	char why[128];
	int code;

	free(t->ca_path);
	t->ca_path = NULL;
	mbedtls_x509_crt_free(&t->authorities);
	mbedtls_x509_crt_init(&t->authorities);
	code = mbedtls_x509_crt_parse_file(&t->authorities, path);
	/* Positive: so many of them are of kinds it does not know. */
	if (code < 0 || !t->authorities.raw.len) {
		describe(code, why, sizeof(why));
		snprintf(error, OWN_ERROR_SIZE, "%s: no certificates can be read from it%s%s", path,
			 code < 0 ? ": " : "", code < 0 ? why : "");
		return -EINVAL;
	}
	t->ca_path = xstrdup(path);
	t->ca_was = *now;
	return 0;
}

static const char *find_bundle(void)
{
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(bundles); i++)
		if (!stat(bundles[i], &st) && S_ISREG(st.st_mode) && st.st_size)
			return bundles[i];
	return NULL;
}

/* Read anew when the file has changed: it is made again when an authority is added. */
static int trust(struct tls *t, const char *ca_file, char *error)
{
	const char *named = ca_file ? ca_file : http_ca_of_environment(), *path = named ? named : find_bundle();
	struct stat now;

	if (!path) {
		snprintf(error, OWN_ERROR_SIZE,
			 "there are no certificates of authorities here: install ca-certificates, or name a file of "
			 "them");
		return -ENOENT;
	}
	if (stat(path, &now)) {
		snprintf(error, OWN_ERROR_SIZE, "%s: %s", path, strerror(errno));
		return -errno;
	}
	if (t->ca_path && !strcmp(t->ca_path, path) && is_same_file(&now, &t->ca_was))
		return 0;
	return load(t, path, &now, error);
}

/*
 * Names are compared by mbedTLS. Addresses are not, before 3.5: so that is done here for all versions, where the chain
 * comes to the server's own certificate (depth 0).
 */
static int check_address(void *ctx, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
	struct tls *t = ctx;

	if (depth || !t->address_len)
		return 0;
	for (mbedtls_x509_sequence *one = &certificate->subject_alt_names; one; one = one->next)
		if (one->buf.tag == SAN_IP && one->buf.len == t->address_len &&
		    !memcmp(one->buf.p, t->address, t->address_len))
			return 0;
	*flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
	return 0;
}

static void note_address(struct tls *t, const char *host)
{
	t->address_len = inet_pton(AF_INET, host, t->address) == 1    ? 4
			 : inet_pton(AF_INET6, host, t->address) == 1 ? 16
								      : 0;
}

/* ---- a connection ----------------------------------------------------------------------------------------- */

static int bio_send(void *ctx, const unsigned char *bytes, size_t len)
{
	struct tls *t = ctx;
	ssize_t n = send(t->fd, bytes, len, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_SSL_CONN_EOF;
	return (int)n;
}

static int bio_recv(void *ctx, unsigned char *bytes, size_t len)
{
	struct tls *t = ctx;
	ssize_t n = recv(t->fd, bytes, len, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_SSL_CONN_EOF;
	return (int)n;
}

/* What a call came to: 1 again, 0 it is done, negative errno. Waits where it has to be called again. */
static int again(struct tls *t, int code, const struct patience *p)
{
	int err;

#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
	if (code == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
		return 1;
#endif
	if (code != MBEDTLS_ERR_SSL_WANT_READ && code != MBEDTLS_ERR_SSL_WANT_WRITE)
		return code < 0 ? -EIO : 0;
	err = patience_wait(p, t->fd, code == MBEDTLS_ERR_SSL_WANT_READ ? POLLIN : POLLOUT);
	return err ? err : 1;
}

static int configure(struct tls *t)
{
	int code;

	mbedtls_ssl_config_free(&t->config);
	mbedtls_ssl_config_init(&t->config);
	code = mbedtls_ssl_config_defaults(&t->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
					   MBEDTLS_SSL_PRESET_DEFAULT);
#if MBEDTLS_VERSION_MAJOR >= 3
	mbedtls_ssl_conf_min_tls_version(&t->config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
	mbedtls_ssl_conf_min_version(&t->config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
	mbedtls_ssl_conf_authmode(&t->config, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_rng(&t->config, mbedtls_ctr_drbg_random, &t->random);
	mbedtls_ssl_conf_ca_chain(&t->config, &t->authorities, NULL);
	mbedtls_ssl_conf_verify(&t->config, check_address, t);
	return code;
}

static int shake_hands(struct tls *t, const struct patience *p, int *code)
{
	int err;

	do {
		*code = mbedtls_ssl_handshake(&t->ssl);
		err = again(t, *code, p);
	} while (err > 0);
	return err;
}

static void explain(struct tls *t, const char *host, int err, int code, char *error)
{
	char why[160] = "";
	uint32_t flags;

	if (code == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
		flags = mbedtls_ssl_get_verify_result(&t->ssl);
		mbedtls_x509_crt_verify_info(why, sizeof(why), "", flags);
		why[strcspn(why, "\n")] = 0;
		snprintf(error, OWN_ERROR_SIZE, "the certificate of %s cannot be trusted: %s", host, why);
		return;
	}
	if (err == -EIO)
		describe(code, why, sizeof(why));
	snprintf(error, OWN_ERROR_SIZE, "no TLS with %s: %s", host, err == -EIO ? why : patience_error(err));
}

int tls__start(struct tls *t, int fd, const char *host, const char *ca_file, const struct patience *p, char *error)
{
	int err = trust(t, ca_file, error), code;

	if (err)
		return err;
	t->fd = fd;
	t->started = true;
	note_address(t, host);
	mbedtls_ssl_init(&t->ssl);
	code = configure(t);
	if (!code)
		code = mbedtls_ssl_setup(&t->ssl, &t->config);
	/* An address is no name (RFC 6066, 3). */
	if (!code)
		code = mbedtls_ssl_set_hostname(&t->ssl, t->address_len ? NULL : host);
	mbedtls_ssl_set_bio(&t->ssl, t, bio_send, bio_recv, NULL);
	err = code ? -EIO : shake_hands(t, p, &code);
	if (err) {
		explain(t, host, err, code, error);
		tls__stop(t);
	}
	return err;
}

void tls__stop(struct tls *t)
{
	if (!t->started)
		return;
	mbedtls_ssl_close_notify(&t->ssl); /* if it can be said at once */
	mbedtls_ssl_free(&t->ssl);
	t->started = false;
}

ssize_t tls__send(struct tls *t, const char *bytes, size_t len, const struct patience *p)
{
	int code, err;

	do {
		code = mbedtls_ssl_write(&t->ssl, (const unsigned char *)bytes, len);
		err = again(t, code, p);
	} while (err > 0);
	return err ? err : code;
}

ssize_t tls__recv(struct tls *t, char *bytes, size_t len, const struct patience *p)
{
	int code, err;

	do {
		code = mbedtls_ssl_read(&t->ssl, (unsigned char *)bytes, len);
		err = again(t, code, p);
	} while (err > 0);
	if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || code == MBEDTLS_ERR_SSL_CONN_EOF)
		return 0;
	return err ? err : code;
}

const char *http_version(void)
{
	static char text[32];
	char number[16];

	mbedtls_version_get_string(number);
	snprintf(text, sizeof(text), "mbedTLS %s", number);
	return text;
}
