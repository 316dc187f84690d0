# Sends jobs and prints how many a second: enqueue.rb <alone|bulk> <count>
require_relative "sidekiq-worker"

mode, count = ARGV[0], ARGV[1].to_i
send_all = lambda do |number|
  if mode == "alone"
    number.times { |x| Add.perform_async(x, 1) }
  else
    (0...number).each_slice(1000) { |page| Sidekiq::Client.push_bulk("class" => Add, "queue" => "bench", "args" => page.map { |x| [x, 1] }) }
  end
end
send_all.call(count / 10)
begun = Process.clock_gettime(Process::CLOCK_MONOTONIC)
send_all.call(count)
puts count / (Process.clock_gettime(Process::CLOCK_MONOTONIC) - begun)
