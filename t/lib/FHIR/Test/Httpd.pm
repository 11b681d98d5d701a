# SPDX-License-Identifier: Apache-2.0
# A private httpd with the module from the build folder, a client for it, and the reading of its
# error_log at the end.
package FHIR::Test::Httpd;

use strict;
use warnings;
use FHIR::Test::Response;
use FHIR::Test::System qw(apxs_value build_dir built free_port guard_pid_file patience pid_in
    read_file run source_dir spawn stop_pid unprivileged wait_for work_dir write_file);
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP ();
use POSIX qw(WNOHANG);
use Socket qw(IPPROTO_TCP TCP_NODELAY);

my $count = 0;
my @MODULES = qw(authn_core authz_core authz_host authz_user headers setenvif status);
# Those that Debian's package apache2 enables when it is installed.
my @DEBIAN = qw(access_compat alias auth_basic authn_core authn_file authz_core authz_host authz_user
    autoindex deflate dir env filter mime negotiation reqtimeout setenvif status);

# The demo's endpoint for tests; replaced by the option endpoints.
my $ENDPOINTS = <<'CONF';
<Location "/dev/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions all
    Require local
</Location>
<Location "/fhir/r4">
    FHIREndpoint R4 provider
    FHIRTenant main
    FHIRInteractions read vread search history create update
</Location>
<Location "/open/r4">
    FHIREndpoint R4 patient
    FHIRTenant main
    FHIRInteractions read vread search history
</Location>
CONF

# Options: conninfo (FHIRDatabase; none: no database is configured), endpoints (replaces $ENDPOINTS),
# conf (more text at server level), modules (more names, "rewrite"), processes, threads, as_written => 1
# (conf is a whole configuration as an administrator writes it: what Debian does not load, it loads
# itself; only mod_fhir.so is taken from the build folder instead of the one that it is installed to).
sub new {
    my ($class, %options) = @_;
    my $self = bless {
        processes => 1, threads => 16, %options,
        dir => work_dir() . '/httpd' . ++$count,
        expected => [], allowed => [],
    }, $class;
    mkdir $self->{dir};
    if (my ($name, $uid, $gid) = unprivileged()) { chown $uid, $gid, $self->{dir} }
    $self->{log} = "$self->{dir}/error_log";
    $self->{access_log} = "$self->{dir}/access_log";
    $self->{pid_file} = guard_pid_file("$self->{dir}/httpd.pid");
    return $self;
}

sub program { return apxs_value('SBINDIR') . '/' . apxs_value('PROGNAME') }

sub configuration {
    my ($self) = @_;
    my $folder = apxs_value('LIBEXECDIR');
    my @modules = ('mpm_' . ($ENV{FHIR_TEST_MPM} || 'event'), $self->{as_written} ? @DEBIAN : @MODULES,
        @{ $self->{modules} || [] });
    my %seen;
    my $load = join '', map { "LoadModule ${_}_module $folder/mod_$_.so\n" }
        grep { !$seen{$_}++ && -e "$folder/mod_$_.so" } @modules;
    my ($user, undef, $gid) = unprivileged();
    my $identity = $user ? "User $user\nGroup #$gid\n" : '';
    my $most = ($self->{processes} + 1) * $self->{threads};
    my $slots = $self->{processes} + 8; # of children of earlier generations that still end
    my $module = built('.libs/mod_fhir.so');
    my $database = $self->{conninfo} ? <<"CONF" : '';
FHIRDatabase "$self->{conninfo}"
CONF
    my $rest = ($self->{endpoints} // ($self->{as_written} ? '' : $ENDPOINTS)) . ($self->{conf} // '');
    $rest =~ s{^(\s*LoadModule\s+fhir_module\s+)\Q$folder\E/mod_fhir\.so$}{$1$module}mg;
    # All clients of a test have one address: they are not told apart, unless the test says so.
    $load .= $self->{as_written} ? "TypesConfig /dev/null\n"
        : "LoadModule fhir_module $module\nFHIRClientRequests 0\n";
    my $level = "$load$rest" =~ /^\s*LoadModule\s+fhir_module\s/m ? ' fhir:debug' : '';
    return <<"CONF" . $database . $rest;
ServerRoot "$self->{dir}"
ServerName 127.0.0.1
Listen 127.0.0.1:$self->{port}
PidFile "$self->{pid_file}"
ErrorLog "$self->{log}"
LogLevel info$level
$load$identity
StartServers $self->{processes}
ServerLimit $slots
ThreadsPerChild $self->{threads}
ThreadLimit $self->{threads}
MaxRequestWorkers $most
MinSpareThreads 1
MaxSpareThreads $most
GracefulShutdownTimeout 5
KeepAliveTimeout 30
LogFormat "%h %u \\"%r\\" %>s %b" test
CustomLog "$self->{access_log}" test
DocumentRoot "$self->{dir}"
CONF
}

# True for a build with the sanitizers, which keep freed memory for a while.
sub sanitized {
    my $module = built('.libs/mod_fhir.so');
    return `readelf -d '$module'` =~ /NEEDED.*\[libasan\.so/;
}

# The sanitizers' library must come first when httpd itself was built without it.
sub sanitizer_env {
    my ($self) = @_;
    return {} unless sanitized();
    chomp(my $library = `gcc -print-file-name=libasan.so`);
    my $log = "log_path=$self->{dir}/sanitizer";
    return {
        LD_PRELOAD => $library,
        ASAN_OPTIONS => "$ENV{ASAN_OPTIONS}:detect_leaks=0:abort_on_error=0:exitcode=99:$log",
        UBSAN_OPTIONS => "print_stacktrace=1:$log",
    };
}

sub command {
    my ($self) = @_;
    my @valgrind = $ENV{FHIR_TEST_VALGRIND} ? ('valgrind', '-q', '--error-exitcode=99',
        '--num-callers=25', '--child-silent-after-fork=no', "--log-file=$self->{dir}/valgrind.%p",
        '--suppressions=' . source_dir() . '/t/valgrind.supp') : ();
    return (@valgrind, program(), '-f', "$self->{dir}/httpd.conf");
}

# httpd -t: { status, out, err }, for tests of what must not start; more arguments may be given.
sub check_config {
    my ($self, @arguments) = @_;
    $self->{port} //= free_port();
    write_file("$self->{dir}/httpd.conf", $self->configuration);
    return run({ env => $self->sanitizer_env }, program(), '-t', '-f', "$self->{dir}/httpd.conf",
        @arguments);
}

# Writes the configuration anew (conf, endpoints may have been changed) and starts.
sub start {
    my ($self) = @_;
    for my $attempt (1 .. 3) {
        my $port = $self->{port} //= free_port();
        write_file("$self->{dir}/httpd.conf", $self->configuration);
        $self->{pid} = spawn({ env => $self->sanitizer_env, out => "$self->{dir}/out",
                err => "$self->{dir}/out" }, $self->command, '-DFOREGROUND');
        my $gone;
        my $up = wait_for(sub { ($gone = waitpid($self->{pid}, WNOHANG)) || $self->listens }, 15);
        return $self if $up and !$gone;
        my $why = read_file("$self->{dir}/out") . (-e $self->{log} ? read_file($self->{log}) : '');
        die "httpd did not start:\n$why" unless $why =~ /could not bind/;
        delete $self->{port};
    }
    die "no port found on which httpd can listen\n";
}

sub listens {
    my ($self) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 1)
        && pid_in($self->{pid_file});
}

# Configuration is read anew by both; graceful lets running requests end.
sub restart { return shift->signal_restart('HUP') }
sub graceful { return shift->signal_restart('USR1') }

sub signal_restart {
    my ($self, $signal) = @_;
    write_file("$self->{dir}/httpd.conf", $self->configuration);
    my $before = () = read_file($self->{log}) =~ /resuming normal operations/g;
    kill $signal, $self->{pid};
    wait_for(sub { (() = read_file($self->{log}) =~ /resuming normal operations/g) > $before }, 10)
        or die "httpd did not come back after $signal\n";
    wait_for(sub { $self->listens }, 5) or die "httpd does not listen after $signal\n";
    return $self;
}

sub stop {
    my ($self) = @_;
    return 1 unless my $pid = $self->{pid};
    wait_for(sub { $self->sleeps }, 2);
    delete $self->{pid};
    my $well = stop_pid($pid);
    unlink $self->{pid_file};
    return $well;
}

# True when no thread of a child runs. The event MPM of httpd 2.4 may crash, in its own main thread,
# when it is told to end just while a worker is done with a connection.
sub sleeps {
    my ($self) = @_;
    for my $stat (map { glob "/proc/$_/task/*/stat" } eval { $self->children }) {
        return 0 if (eval { read_file($stat) } // '') =~ /\) [RD] /;
    }
    return 1;
}

# Process ids of the children, to kill one or to look at its memory.
sub children {
    my ($self) = @_;
    return split ' ', read_file("/proc/$self->{pid}/task/$self->{pid}/children");
}

# ---- the client ----

# HTTP::Tiny sends header and body one behind the other: with Nagle's algorithm the body waits 40 ms
# for the acknowledgement of the header.
{
    no warnings 'redefine';
    my $connect = \&HTTP::Tiny::Handle::connect;
    *HTTP::Tiny::Handle::connect = sub {
        my $handle = $connect->(@_);
        setsockopt $handle->{fh}, IPPROTO_TCP, TCP_NODELAY, 1;
        return $handle;
    };
}

sub url {
    my ($self, $path) = @_;
    return $path =~ /^http/ ? $path : "http://127.0.0.1:$self->{port}$path";
}

# One request; options: headers => {}, content => bytes or a reference that becomes JSON.
sub request {
    my ($self, $method, $path, %options) = @_;
    my %headers = %{ $options{headers} || {} };
    my $content = $options{content};
    if (ref $content) {
        $content = JSON::PP->new->utf8->canonical->encode($content);
        $headers{'Content-Type'} //= 'application/fhir+json';
    }
    $self->{client} ||= HTTP::Tiny->new(max_redirect => 0, timeout => patience(15), keep_alive => 1);
    my @request = ($method, $self->url($path),
        { headers => \%headers, defined $content ? (content => $content) : () });
    my $answer = $self->{client}->request(@request);
    # httpd may close a kept connection at any time (its event MPM does so when threads are scarce): a
    # request that met this was not read, and is sent on a new one. A process that died is in error_log.
    $answer = $self->{client}->request(@request)
        if $answer->{status} == 599 and $answer->{content} =~ /^Unexpected end of stream while looking for line/;
    return FHIR::Test::Response->new($answer);
}

# get($path, Header => value, …); post($path, $content, Header => value, …).
for my $method (qw(GET HEAD DELETE OPTIONS)) {
    no strict 'refs';
    *{ lc $method } = sub {
        my ($self, $path, %headers) = @_;
        return $self->request($method, $path, headers => \%headers);
    };
}
for my $method (qw(POST PUT PATCH)) {
    no strict 'refs';
    *{ lc $method } = sub {
        my ($self, $path, $content, %headers) = @_;
        return $self->request($method, $path, content => $content, headers => \%headers);
    };
}

# ---- the log ----

# Sends a request from 127.0.0.N, so that it is a client's of its own, and does not wait: the socket.
sub ask_from {
    my ($self, $n, $method, $path, $content) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port},
        LocalAddr => "127.0.0.$n") or die "127.0.0.$n: $!\n";
    print {$socket} "$method $path HTTP/1.0\r\nHost: 127.0.0.1:$self->{port}\r\n", defined $content
        ? ("Content-Type: application/fhir+json\r\nContent-Length: ", length $content, "\r\n\r\n", $content) : "\r\n";
    $socket->flush;
    return $socket;
}

# The answer at such a socket: status, headers, body.
sub answer_of {
    my ($socket) = @_;
    local $/;
    my ($status, $head, $body) = (<$socket> // '') =~ m{\AHTTP/1\.1 (\d+) .*?\r\n(.*?)\r\n\r\n(.*)\z}s;
    return ($status // 0, $head // '', $body // '');
}

# The pattern must come in the log as a warning or worse; allow_log: it may.
sub expect_log { my $self = shift; push @{ $self->{expected} }, @_; return }
sub allow_log { my $self = shift; push @{ $self->{allowed} }, @_; return }

sub log_text { my ($self) = @_; return -e $self->{log} ? read_file($self->{log}) : '' }

# Codes, tokens, cookies and clients' secrets are words of 43 letters (256 random bits), assertions begin as JSON
# does; none of them belongs into an error_log.
sub has_secret {
    my ($line) = @_;
    return 1 if $line =~ /\beyJ[\w-]{20,}\./;
    return scalar grep { /\d/ and /[a-z]/ and /[A-Z]/ } $line =~ /(?<![\w-])[\w-]{43}(?![\w-])/g;
}

# What is wrong with the logs: unannounced lines, and announced ones that did not come.
sub log_faults {
    my ($self) = @_;
    my @patterns = (@{ $self->{expected} }, @{ $self->{allowed} });
    my @lines = grep { /:(?:warn|error|crit|alert|emerg)\]|exit signal|exited with error/ }
        split /\n/, $self->log_text;
    my @faults = map { "unannounced: $_" } grep { my $l = $_; !grep { $l =~ $_ } @patterns } @lines;
    push @faults, map { "a secret: $_" } grep { has_secret($_) } split /\n/, $self->log_text;
    for my $pattern (@{ $self->{expected} }) {
        push @faults, "announced, but not there: $pattern" unless grep { $_ =~ $pattern } @lines;
    }
    push @faults, map { "$_:\n" . read_file($_) } grep { -s $_ }
        glob("$self->{dir}/sanitizer.*"), glob("$self->{dir}/valgrind.*");
    return @faults;
}

1;
