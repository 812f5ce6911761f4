package admin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestPairMany(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	b.get(pairManyPage).want(t, http.StatusOK, "").says(t, "code, room, name")
	answer := b.post(pairManyPage, "list", "K7F39Q2M,Aalto\nZZZZZZZZ").want(t, http.StatusUnprocessableEntity, "")
	answer.says(t, "One sign was paired").says(t, "Line 2").says(t, "No sign shows this code").says(t, "ZZZZZZZZ")
	b.post(pairManyPage, "list", strings.Repeat("x", maxPairListBody)).want(t, http.StatusRequestEntityTooLarge, "")

	b.upload(factoryPage, []byte("id,secret\nabc,0123\n")).want(t, http.StatusOK, "").says(t, "2 signs were taken")
	bad := b.upload(factoryPage, []byte("abc,00112233445566778899")).want(t, http.StatusUnprocessableEntity, "").says(t, "The first line has to be")
	if strings.Contains(bad.body, "00112233") {
		t.Error("the page shows a line of the factory's file")
	}
}

func TestSwapAndReplace(t *testing.T) {
	o := newOffice(time.Now())
	b := open(t, o).enter(o)
	signs := o.core.signs()
	one, two := signs[0], signs[1]
	path := "/m/doors/" + url.PathEscape(string(one.ID))
	b.get(path).says(t, "Swap rooms").says(t, "Replace this sign").says(t, two.Name)
	b.post(path+"/swap", "with", string(two.ID)).want(t, http.StatusSeeOther, path)
	for _, s := range o.core.signs() {
		if s.ID == one.ID && s.Room != two.Room || s.ID == two.ID && s.Room != one.Room {
			t.Errorf("sign %s shows %s", s.ID, s.Room)
		}
	}
	b.post(path+"/renew").want(t, http.StatusSeeOther, path)
	b.post(path+"/swap", "with", "nobody").want(t, http.StatusUnprocessableEntity, "")
	b.post(path+"/replace", "code", "K7F3").want(t, http.StatusUnprocessableEntity, "").says(t, "A code has eight characters")
	b.post(path+"/replace", "code", "AAAAAAAA").want(t, http.StatusUnprocessableEntity, "").says(t, "No waiting sign shows this code")
	b.post(path+"/replace", "code", "K7F3 9Q2M").want(t, http.StatusSeeOther, "/m/doors/pppppppppppppppp")
	b.get("/m/doors/pppppppppppppppp").says(t, "Replaced").says(t, one.Name)
	b.get(path).want(t, http.StatusNotFound, "")
}
