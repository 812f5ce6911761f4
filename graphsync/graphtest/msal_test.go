package graphtest

import (
	"context"
	"crypto/x509"
	"net/http"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// TestMicrosoftsLibrary signs in with Microsoft's own library: its assertions
// and its answers to challenges have to be taken as they are.
func TestMicrosoftsLibrary(t *testing.T) {
	w := newWorld(t, true)
	now := time.Now() // the library has no other clock
	w.clock.mu.Lock()
	w.clock.at = now
	w.clock.mu.Unlock()
	if err := w.s.Consent(w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	// Several pairs: their thumbprints differ in the letters that the two
	// alphabets of base64 write differently.
	for i := range 4 {
		p := newPair(t, 2048, now.Add(-time.Hour), now.Add(time.Hour))
		if err := w.s.AddCertificate(w.app.ClientID, p.der); err != nil {
			t.Fatal(err)
		}
		certificate, err := x509.ParseCertificate(p.der)
		if err != nil {
			t.Fatal(err)
		}
		credential, err := confidential.NewCredFromCert([]*x509.Certificate{certificate}, p.key)
		if err != nil {
			t.Fatal(err)
		}
		client, err := confidential.New(w.s.LoginURL()+"/"+w.s.TenantID(), w.app.ClientID, credential,
			confidential.WithHTTPClient(w.browser()), confidential.WithClientCapabilities([]string{"cp1"}), confidential.WithInstanceDiscovery(false))
		if err != nil {
			t.Fatal(err)
		}
		ask := func(o ...confidential.AcquireByCredentialOption) (token string, status int) {
			t.Helper()
			got, err := client.AcquireTokenByCredential(context.Background(), []string{w.s.GraphURL() + "/.default"}, o...)
			if err != nil {
				t.Fatal(err)
			}
			return got.AccessToken, w.as(got.AccessToken, http.MethodGet, "/places/microsoft.graph.room", nil).status
		}
		first, status := ask()
		if want := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[i == 0]; status != want {
			t.Fatalf("pair %d: first read %d, want %d: the challenge of the pair before still counts", i, status, want)
		}
		if err := w.s.ChallengeApp(w.app.ClientID); err != nil {
			t.Fatal(err)
		}
		if _, status := ask(); status != http.StatusUnauthorized {
			t.Errorf("after the challenge: %d", status)
		}
		second, status := ask(confidential.WithClaims(w.challenge(first)))
		if status != http.StatusOK || second == first {
			t.Errorf("with the claims: %d, a new token %v", status, second != first)
		}
	}
}
