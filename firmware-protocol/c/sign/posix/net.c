/*
 * MQTT by libmosquitto in the thread of the sign. What the core asks for from
 * within a callback is done after it, in net_wait. Licence: Apache-2.0.
 */
#define _GNU_SOURCE
#include "port.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum { KEEPALIVE = 30 /* seconds */ };

static void copy(char *to, size_t room, const char *from) { snprintf(to, room, "%s", from); }

static void connect_soon(void *user, const struct dl_login *l)
{
	struct net *n = &((struct machine *)user)->net;

	copy(n->id, sizeof n->id, l->client);
	copy(n->user, sizeof n->user, l->user);
	copy(n->password, sizeof n->password, l->password);
	copy(n->filter, sizeof n->filter, l->filter);
	n->pin_count = l->pin_count;
	if (l->pin_count > 0)
		memcpy(n->pins, l->pins, l->pin_count * sizeof n->pins[0]);
	n->wanted = 1;
}

static void disconnect_soon(void *user)
{
	struct net *n = &((struct machine *)user)->net;

	n->wanted = 0;
	n->closing = 1;
}

static int publish(void *user, const char *topic, int qos, const uint8_t *data, size_t n)
{
	struct net *net = &((struct machine *)user)->net;

	if (net->client == NULL || net->closing)
		return -1;
	return mosquitto_publish(net->client, NULL, topic, (int)n, data, qos, false);
}

static int live(const struct machine *m, const struct mosquitto *c) { return m->net.client == c && !m->net.closing; }

static void on_connect(struct mosquitto *c, void *user, int rc)
{
	struct machine *m = user;

	if (!live(m, c))
		return;
	if (rc == 4 || rc == 5) /* user name or password, not authorised */
		dl_sign_connected(&m->sign, DL_LINK_REFUSED, NULL);
	else if (rc != 0 || mosquitto_subscribe(c, NULL, m->net.filter, 1) != MOSQ_ERR_SUCCESS)
		dl_sign_connected(&m->sign, DL_LINK_FAILED, NULL);
}

static void on_subscribe(struct mosquitto *c, void *user, int mid, int n, const int *granted)
{
	struct machine *m = user;

	(void)mid;
	if (live(m, c))
		dl_sign_connected(&m->sign, n == 1 && granted[0] <= 2 ? DL_LINK_OPEN : DL_LINK_FAILED, m->net.tls ? m->net.spki : NULL);
}

static void on_message(struct mosquitto *c, void *user, const struct mosquitto_message *message)
{
	struct machine *m = user;

	if (live(m, c) && message->payloadlen > 0)
		dl_sign_received(&m->sign, message->topic, message->payload, (size_t)message->payloadlen);
}

/*
 * Whom to believe [DL-MQTT-3]: whom the authority signed, or whose key was seen
 * while pairing or is in the set that took its place; before, anybody, because the code covers the key.
 */
static int verify(X509_STORE_CTX *store, void *user)
{
	struct machine *m = user;
	const struct dl_sha256 *h = &m->crypto.sha256;
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	unsigned char *der = NULL;
	int n, good = 1;
	unsigned k;

	n = leaf == NULL ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
	if (n <= 0)
		return 0;
	h->start(h->state);
	h->update(h->state, der, (size_t)n);
	h->finish(h->state, m->net.spki);
	OPENSSL_free(der);
	if (m->net.ca != NULL)
		return X509_verify_cert(store);
	if (m->net.pin_count > 0)
		for (good = 0, k = 0; k < m->net.pin_count; k++) /* each is compared, in constant time */
			good |= CRYPTO_memcmp(m->net.pins[k], m->net.spki, sizeof m->net.spki) == 0;
	X509_STORE_CTX_set_error(store, good ? X509_V_OK : X509_V_ERR_CERT_UNTRUSTED);
	return good;
}

static SSL_CTX *context(struct machine *m)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct in6_addr any;
	X509_VERIFY_PARAM *p;
	int good;

	if (ctx == NULL)
		return NULL;
	p = SSL_CTX_get0_param(ctx);
	good = SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1;
	if (m->net.ca != NULL) {
		good = good && SSL_CTX_load_verify_locations(ctx, m->net.ca, NULL) == 1;
		if (inet_pton(AF_INET, m->net.host, &any) == 1 || inet_pton(AF_INET6, m->net.host, &any) == 1)
			good = good && X509_VERIFY_PARAM_set1_ip_asc(p, m->net.host) == 1;
		else
			good = good && X509_VERIFY_PARAM_set1_host(p, m->net.host, 0) == 1;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify, m);
	if (good)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

void net_close(struct machine *m)
{
	if (m->net.client != NULL) {
		(void)mosquitto_disconnect(m->net.client);
		mosquitto_destroy(m->net.client);
	}
	m->net.client = NULL;
	m->net.closing = 0;
}

static void open_now(struct machine *m)
{
	struct net *n = &m->net;
	SSL_CTX *ctx = NULL;
	int rc;

	n->wanted = 0;
	n->client = mosquitto_new(n->id, true, m);
	rc = n->client == NULL ? MOSQ_ERR_NOMEM : mosquitto_username_pw_set(n->client, n->user, n->password[0] != 0 ? n->password : NULL);
	if (rc == MOSQ_ERR_SUCCESS && n->tls) {
		ctx = context(m);
		rc = ctx == NULL ? MOSQ_ERR_TLS : mosquitto_void_option(n->client, MOSQ_OPT_SSL_CTX, ctx);
		if (rc == MOSQ_ERR_SUCCESS)
			rc = mosquitto_int_option(n->client, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
		SSL_CTX_free(ctx);
	}
	if (rc == MOSQ_ERR_SUCCESS) {
		mosquitto_connect_callback_set(n->client, on_connect);
		mosquitto_subscribe_callback_set(n->client, on_subscribe);
		mosquitto_message_callback_set(n->client, on_message);
		rc = mosquitto_connect_async(n->client, n->host, n->port, KEEPALIVE);
	}
	if (rc != MOSQ_ERR_SUCCESS) {
		net_close(m);
		dl_sign_connected(&m->sign, DL_LINK_FAILED, NULL);
	}
}

void net_wait(struct machine *m, int milliseconds)
{
	if (m->net.client != NULL && m->net.closing)
		net_close(m);
	m->net.closing = 0;
	if (m->net.client == NULL && m->net.wanted)
		open_now(m);
	if (m->net.client == NULL)
		return;
	if (mosquitto_loop(m->net.client, milliseconds, 1) != MOSQ_ERR_SUCCESS && !m->net.closing) {
		m->net.closing = 1;
		dl_sign_lost(&m->sign);
	}
}

void net_hooks(struct dl_port *p)
{
	p->connect = connect_soon;
	p->disconnect = disconnect_soon;
	p->publish = publish;
}
