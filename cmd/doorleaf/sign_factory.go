package main

import (
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"

	"doorleaf/devices"
	"doorleaf/devices/simsign"
	"doorleaf/firmware-protocol/wire"
)

// factoryIdentity makes a sign the one of a factory's file that has its serial
// number, or the only one [DL-FAC-1].
func factoryIdentity(file string, o *simsign.Options, panelGiven bool) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = 6
	lines, err := r.ReadAll()
	if err != nil || len(lines) < 2 || lines[0][0] != "id" || lines[0][1] != "secret" {
		return errors.Join(fmt.Errorf("%s is not a factory's file: want the header id,secret,model,serial,width,height", file), err)
	}
	var line []string
	for _, l := range lines[1:] {
		if o.Serial != "" && l[3] == o.Serial || o.Serial == "" && len(lines) == 2 {
			line = l
		}
	}
	if line == nil {
		return fmt.Errorf("%s: which of %d signs? give the one's -serial", file, len(lines)-1)
	}
	secret, err := hex.DecodeString(line[1])
	w, werr := strconv.Atoi(line[4])
	h, herr := strconv.Atoi(line[5])
	if err = errors.Join(err, werr, herr); err != nil || !wire.ValidSignID(line[0]) || len(secret) != wire.SecretLength {
		return fmt.Errorf("%s: the sign's line is not as it should be", file) // without its secret
	}
	if !panelGiven {
		o.Panel = devices.PanelBySize(w, h)
	}
	if line[2] != "" {
		o.Panel.Model = line[2]
	}
	o.Serial = line[3]
	o.Identity = &simsign.Identity{ID: devices.SignID(line[0]), Secret: secret}
	return nil
}
