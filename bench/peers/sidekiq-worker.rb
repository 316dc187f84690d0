require "sidekiq"

Sidekiq.logger.level = Logger::WARN

class Add
  include Sidekiq::Worker

  def perform(x, y)
    x + y
  end
end

class Wait
  include Sidekiq::Worker

  def perform(_x = 0, _y = 0)
    sleep 0.05
  end
end
