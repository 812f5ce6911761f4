package admin

import (
	"net/http"
	"testing"
	"time"
)

func TestNetworkPageOfAnExternalBroker(t *testing.T) {
	since := time.Now().Add(-time.Hour)
	for _, tt := range []struct {
		name   string
		broker ExternalBroker
		says   []string
	}{
		{"first moments", ExternalBroker{Kept: true}, []string{"connecting", "being compared"}},
		{"in order", ExternalBroker{Connected: true, Since: since, Kept: true, KeptSince: since}, []string{"connected since", "kept by Doorleaf"}},
		{"by hand", ExternalBroker{Connected: true, Since: since}, []string{"You keep them"}},
		{"failing", ExternalBroker{Since: since, Trouble: "authority", Kept: true, KeptSince: since, KeptWhy: "unreachable", Unknown: 3},
			[]string{"no connection since", "not trusted here", "cannot be kept since", "cannot be reached", "3 signs were paired before"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice(time.Now())
			options := o.options(texts(t), "http://localhost:8080")
			options.MQTT = MQTTInfo{URLs: []string{"mqtts://broker.contoso.example:8883"}, External: func() ExternalBroker { return tt.broker }}
			page := openWith(t, options).enter(o).get("/m/settings/network").want(t, http.StatusOK, "").says(t, "your own MQTT broker").says(t, "mqtts://broker.contoso.example:8883")
			for _, s := range tt.says {
				page.says(t, s)
			}
		})
	}
}
