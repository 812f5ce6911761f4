package sqlite

import (
	"context"
	"time"

	"doorleaf/devices"
	"doorleaf/gateway"
)

// How much of a battery's history is kept.
const (
	batteryDays  = 90      // one by one
	batteryYears = 3 * 365 // by weeks, in days
	secondsADay  = 24 * 60 * 60
	usualCelsius = 20 // where a sign does not tell
)

// noteBattery adds a report to its day. The first report of a day also joins the
// days that are old by now to their week and drops what is older still.
func noteBattery(t *tx, sign int64, r devices.Report) error {
	if r.BatteryMillivolts <= 0 || r.Kind == devices.EventReport {
		return nil
	}
	day := r.Received.Unix() / secondsADay
	celsius, contacts, pictures := usualCelsius, 0, 1
	if r.TemperatureKnown {
		celsius = r.TemperatureC
	}
	if r.Kind == devices.HelloReport {
		contacts, pictures = 1, 0
	}
	var known bool
	if err := t.get(`SELECT count(*) > 0 FROM battery_days WHERE sign = ? AND day = ?`, []any{sign, day}, &known); err != nil {
		return err
	}
	if !known {
		if err := thinBattery(t, sign, day); err != nil {
			return err
		}
	}
	// Only a hello is said before radio and panel pull the voltage down.
	return t.exec(`INSERT INTO battery_days (sign, day, low_mv, last_mv, celsius, contacts, pictures) VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6)
		ON CONFLICT (sign, day) DO UPDATE SET low_mv = min(low_mv, ?3), last_mv = iif(?5, ?3, last_mv), celsius = iif(?5, ?4, celsius),
			contacts = contacts + ?5, pictures = pictures + ?6`,
		sign, day, r.BatteryMillivolts, celsius, contacts, pictures)
}

// thinBattery joins the days before the last 90 to weeks.
func thinBattery(t *tx, sign, today int64) error {
	type row struct{ day, low, last, celsius, contacts, pictures int64 }
	var old []row
	err := t.each(`SELECT day, low_mv, last_mv, celsius, contacts, pictures FROM battery_days
		WHERE sign = ? AND day < ? AND day % 7 <> 0 ORDER BY day`, []any{sign, today - batteryDays}, func(r rowScanner) error {
		var d row
		err := r.Scan(&d.day, &d.low, &d.last, &d.celsius, &d.contacts, &d.pictures)
		old = append(old, d)
		return err
	})
	if err != nil {
		return err
	}
	for _, d := range old {
		err := t.exec(`INSERT INTO battery_days (sign, day, low_mv, last_mv, celsius, contacts, pictures) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
			ON CONFLICT (sign, day) DO UPDATE SET low_mv = min(low_mv, ?3), last_mv = ?4, celsius = ?5, contacts = contacts + ?6, pictures = pictures + ?7`,
			sign, d.day-d.day%7, d.low, d.last, d.celsius, d.contacts, d.pictures)
		if err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM battery_days WHERE sign = ? AND day = ?`, sign, d.day); err != nil {
			return err
		}
	}
	// A clock that was set back leaves days of the future; they would stay the newest.
	return t.exec(`DELETE FROM battery_days WHERE sign = ? AND (day < ? OR day > ?)`, sign, today-batteryYears, today+1)
}

// BatteryDays implements gateway.HealthStore.
func (s *Store) BatteryDays(ctx context.Context, id devices.SignID) (days []gateway.BatteryDay, err error) {
	err = s.readMany(ctx, "battery days", func(q querier) error {
		n, err := signKey(q, id)
		if err != nil {
			return err
		}
		const query = `SELECT day, low_mv, last_mv, celsius, contacts, pictures FROM battery_days WHERE sign = ? ORDER BY day`
		return q.each(query, []any{n}, func(row rowScanner) error {
			var d gateway.BatteryDay
			var day int64
			err := row.Scan(&day, &d.LowMillivolts, &d.LastMillivolts, &d.Celsius, &d.Contacts, &d.Pictures)
			d.Day = time.Unix(day*secondsADay, 0).UTC()
			days = append(days, d)
			return err
		})
	})
	return days, err
}

// maxConditions bounds what is remembered of what is wrong.
const maxConditions = 50000

// Conditions implements gateway.HealthStore.
func (s *Store) Conditions(ctx context.Context) (map[gateway.ConditionKey]time.Time, error) {
	all := map[gateway.ConditionKey]time.Time{}
	err := s.read(ctx, "conditions", func(q querier) error {
		return q.each(`SELECT kind, subject, since FROM conditions`, nil, func(row rowScanner) error {
			var k gateway.ConditionKey
			var since time.Time
			err := row.Scan(&k.Kind, &k.Subject, instant{&since})
			all[k] = since
			return err
		})
	})
	return all, err
}

// SaveConditions implements gateway.HealthStore; rows that stay are not written.
func (s *Store) SaveConditions(ctx context.Context, all map[gateway.ConditionKey]time.Time) error {
	if err := within("conditions", len(all), maxConditions); err != nil {
		return failed("save conditions", err)
	}
	return s.write(ctx, "save conditions", func(t *tx) error {
		stored := map[gateway.ConditionKey]int64{}
		err := t.each(`SELECT kind, subject, since FROM conditions`, nil, func(row rowScanner) error {
			var k gateway.ConditionKey
			var since int64
			err := row.Scan(&k.Kind, &k.Subject, &since)
			stored[k] = since
			return err
		})
		if err != nil {
			return err
		}
		for k, since := range all {
			if stored[k] != since.UnixMilli() {
				if err := t.exec(`INSERT OR REPLACE INTO conditions (kind, subject, since) VALUES (?, ?, ?)`,
					text(k.Kind, maxName), text(k.Subject, maxName), since.UnixMilli()); err != nil {
					return err
				}
			}
		}
		for k := range stored {
			if _, stays := all[k]; !stays {
				if err := t.exec(`DELETE FROM conditions WHERE kind = ? AND subject = ?`, k.Kind, k.Subject); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Places implements gateway.HealthStore.
func (s *Store) Places(ctx context.Context) (map[devices.SignID]string, error) {
	all := map[devices.SignID]string{}
	err := s.read(ctx, "places", func(q querier) error {
		return q.each(`SELECT id, address FROM sign_places JOIN signs ON n = sign`, nil, func(row rowScanner) error {
			var id devices.SignID
			var address string
			err := row.Scan(&id, &address)
			all[id] = address
			return err
		})
	})
	return all, err
}

// SavePlaces implements gateway.HealthStore.
func (s *Store) SavePlaces(ctx context.Context, places map[devices.SignID]string) error {
	return s.write(ctx, "save places", func(t *tx) error {
		for id, address := range places {
			err := t.exec(`INSERT OR REPLACE INTO sign_places (sign, address) SELECT n, ? FROM signs WHERE id = ?`, text(address, maxName), string(id))
			if err != nil {
				return err
			}
		}
		return nil
	})
}
