# The jobs that sidekiq_test.rb pushes, as its worker processes load them.

require "sidekiq"

LEDGER = ENV.fetch("SHOAL_LEDGER")
URL = { url: "redis://127.0.0.1:#{ENV.fetch('SHOAL_PORT')}/0" }

# Of a call by Sidekiq itself.
Redis.silence_deprecations = true
Sidekiq.logger.level = Logger::FATAL

Sidekiq.configure_client { |config| config.redis = URL }
Sidekiq.configure_server do |config|
  config.redis = URL
  config.options[:poll_interval_average] = 0.2
end

# One line a job, in one write, so that lines of several processes do not mix.
def note(job)
  File.open(LEDGER, "a") { |file| file.syswrite("#{job}\n") }
end

class Note
  include Sidekiq::Job

  def perform(job)
    note(job)
  end
end

class Due
  include Sidekiq::Job

  def perform(job, not_before)
    note(Time.now.to_f >= not_before ? job : "early #{job}")
  end
end

class Stubborn
  include Sidekiq::Job
  sidekiq_options retry: 2
  sidekiq_retry_in { 1 }

  def perform(number)
    attempts = File.readlines(LEDGER, chomp: true).count { |line| line.start_with?("#{number} attempt ") }
    note("#{number} attempt #{attempts + 1}")
    raise "job #{number}" if attempts < 2 || number % 5 == 0
  end
end

class Slow
  include Sidekiq::Job

  def perform(job, path)
    sleep 600 if File.exist?(path)
    note(job)
  end
end
