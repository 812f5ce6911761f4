package simfleet

import (
	"net"
	"sync"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// handler is what a connection of a client means to the broker. Functions may be
// called from several goroutines.
type handler struct {
	connect func(p *packets.ConnectPacket) int // the answer, noAnswer for none
	publish func(topic string, payload []byte)
	closed  func()
}

// Answers to a connect.
const (
	noAnswer = -1
	welcome  = packets.Accepted
	refused  = packets.ErrRefusedNotAuthorised
)

// client is one MQTT client, seen from the broker: the packets of one
// connection and nothing else.
type client struct {
	conn net.Conn
	on   handler
	out  chan packets.ControlPacket
	done chan struct{}
	once sync.Once
}

// serve speaks MQTT with a client until the connection ends.
func serve(conn net.Conn, on handler) *client {
	c := &client{conn: conn, on: on, out: make(chan packets.ControlPacket, 256), done: make(chan struct{})}
	go c.read()
	go c.write()
	return c
}

func (c *client) close() {
	c.once.Do(func() {
		close(c.done)
		_ = c.conn.Close()
	})
}

func (c *client) read() {
	defer c.on.closed()
	defer c.close()
	for {
		p, err := packets.ReadPacket(c.conn)
		if err != nil {
			return
		}
		switch p := p.(type) {
		case *packets.ConnectPacket:
			if code := c.on.connect(p); code != noAnswer {
				a := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
				a.ReturnCode = byte(code)
				c.send(a)
			}
		case *packets.SubscribePacket:
			a := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
			a.MessageID = p.MessageID
			for range p.Topics {
				a.ReturnCodes = append(a.ReturnCodes, 1)
			}
			c.send(a)
		case *packets.PublishPacket:
			if p.Qos == 1 {
				a := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
				a.MessageID = p.MessageID
				c.send(a)
			}
			c.on.publish(p.TopicName, p.Payload)
		case *packets.PingreqPacket:
			c.send(packets.NewControlPacket(packets.Pingresp))
		case *packets.DisconnectPacket:
			return
		}
	}
}

func (c *client) write() {
	for {
		select {
		case <-c.done:
			return
		case p := <-c.out:
			if p.Write(c.conn) != nil {
				c.close()
				return
			}
		}
	}
}

// send hands a packet to the client; one that does not read loses it.
func (c *client) send(p packets.ControlPacket) {
	select {
	case c.out <- p:
	case <-c.done:
	default:
	}
}

// deliver publishes to the client.
func (c *client) deliver(topic string, payload []byte) {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload = topic, payload
	c.send(p)
}
