package gateway_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
)

func TestShowsCode(t *testing.T) {
	join := func(b *bench, nonce, code string, life time.Duration) {
		t.Helper()
		j := devices.Joining{Nonce: nonce, Code: code, Hardware: devices.Hardware{Serial: nonce}, Since: time.Now(), Expires: time.Now().Add(life)}
		if err := b.core.Joining(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("the sign that shows it, as it is typed", func(t *testing.T) {
		b := newBench(t)
		join(b, "one", "K7QF2M9L", time.Minute)
		join(b, "two", "AAAABBBB", time.Minute)
		for range 20 {
			for _, typed := range []string{"K7QF2M9L", "k7qf-2m91", " k7qf 2m9i "} {
				if j, err := b.core.ShowsCode(t.Context(), typed); err != nil || j.Nonce != "one" {
					t.Fatalf("%q: %v, %v", typed, j, err)
				}
			}
		}
	})
	t.Run("a page that is read again is no guess", func(t *testing.T) {
		b := newBench(t)
		join(b, "one", "K7QF2M9P", time.Minute)
		for range 20 {
			if _, err := b.core.ShowsCode(t.Context(), "AAAAAAAA"); !errors.Is(err, devices.ErrUnknownCode) {
				t.Fatalf("got %v, want ErrUnknownCode", err)
			}
		}
		if _, err := b.core.ShowsCode(t.Context(), "K7QF2M9P"); err != nil {
			t.Errorf("the right one after that: %v", err)
		}
		for i := range 7 {
			_, _ = b.core.ShowsCode(t.Context(), fmt.Sprintf("AAAAAAA%d", i+2))
		}
		if _, err := b.core.ShowsCode(t.Context(), "K7QF2M9P"); !errors.Is(err, gateway.ErrTooMany) {
			t.Errorf("after eight others: %v, want ErrTooMany", err)
		}
		if _, err := b.core.Pair(t.Context(), "K7QF2M9P", "", ""); !errors.Is(err, gateway.ErrTooMany) {
			t.Errorf("pairing then: %v, want ErrTooMany", err)
		}
	})
	t.Run("scanned twice", func(t *testing.T) {
		b := newBench(t)
		join(b, "one", "K7QF2M9P", time.Minute)
		id, err := b.core.Pair(t.Context(), "K7QF2M9P", "", "")
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			var spent *gateway.SpentCodeError
			if _, err := b.core.ShowsCode(t.Context(), "K7QF2M9P"); !errors.As(err, &spent) || spent.Sign != id {
				t.Fatalf("looked at: %v, want sign %s", err, id)
			}
			if _, err := b.core.Pair(t.Context(), "K7QF2M9P", "", ""); !errors.As(err, &spent) || spent.Sign != id || !errors.Is(err, devices.ErrUnknownCode) {
				t.Fatalf("paired: %v, want sign %s", err, id)
			}
		}
	})
	t.Run("a list given twice", func(t *testing.T) {
		b := newBench(t)
		join(b, "one", "K7QF2M9P", time.Minute)
		for i, want := range []int{1, 0} {
			list := []string{"https://signs.example.com/m/pair?c=K7QF2M9P\n", "K7QF2M9P\n"}[i]
			n, problems, err := b.core.PairList(t.Context(), strings.NewReader(list))
			if err != nil || n != want {
				t.Fatalf("list %d: %d paired, %v", i+1, n, err)
			}
			if i == 1 && (len(problems) != 1 || problems[0].Fault != gateway.PairAlready) {
				t.Errorf("problems %v", problems)
			}
		}
	})
	t.Run("too late", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			join(b, "one", "K7QF2M9P", time.Minute)
			time.Sleep(2 * time.Minute)
			var spent *gateway.SpentCodeError
			if _, err := b.core.ShowsCode(t.Context(), "K7QF2M9P"); !errors.As(err, &spent) || spent.Sign != "" {
				t.Errorf("got %v, want a code that has run out", err)
			}
			time.Sleep(2 * time.Hour)
			if _, err := b.core.ShowsCode(t.Context(), "K7QF2M9P"); errors.As(err, &spent) || !errors.Is(err, devices.ErrUnknownCode) {
				t.Errorf("long after: %v, want ErrUnknownCode alone", err)
			}
		})
	})
	t.Run("a stranger who fills the list", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			for i := range 1000 {
				join(b, fmt.Sprint(i), fmt.Sprintf("%08d", i), time.Minute)
				time.Sleep(10 * time.Second)
			}
			join(b, "one", "K7QF2M9P", time.Minute)
			if j, err := b.core.ShowsCode(t.Context(), "K7QF2M9P"); err != nil || j.Nonce != "one" {
				t.Errorf("the last one: %v, %v", j, err)
			}
		})
	})
}
