# app.rb PORT MISTAKE PART BUFFER: list (keeps strings), churn (mixed lifetimes, threads), none
require 'socket'
port, mistake, part, buffer = ARGV[0].to_i, ARGV[1], ARGV[2].to_i, ARGV[3].to_i
$kept = []
$ring = Array.new(4000)
$buf = buffer > 0 ? 'b' * buffer : nil
server = TCPServer.new('127.0.0.1', port)
loop do
  Thread.new(server.accept) do |c|
    begin
      while (line = c.gets)
        while (h = c.gets) && h.strip != ''
        end
        key = line.split[1].to_s.delete('/').to_i
        body = "#{key} " * (30 + key % 150)
        $kept << (line + 'k' * part) if mistake == 'list'
        $ring[rand(4000)] = 'r' * (16 << rand(10)) if mistake == 'churn'
        c.write("HTTP/1.1 200 OK\r\nContent-Length: #{body.bytesize}\r\n\r\n#{body}")
      end
    rescue IOError, SystemCallError
    ensure
      c.close
    end
  end
end
